import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { partitionByLabel, partitionIid, type Parts } from '../../src/cli/demo/partition.js';

const labels = fc.uint8Array({ min: 0, max: 9, maxLength: 500 });
const parts = fc.integer({ min: 1, max: 40 });
const seed = fc.integer({ min: 0, max: 1e6 });

function expectPartition(split: Parts, rows: number, count: number): void {
  expect(split).toHaveLength(count);
  expect([...split.flatMap((part) => [...part])].sort((a, b) => a - b)).toEqual([...Array(rows).keys()]);
  const sizes = split.map((part) => part.length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
}

describe('partition', () => {
  it('IID: every row once, sizes within one', () => {
    fc.assert(
      fc.property(fc.nat(500), parts, seed, (rows, n, s) =>
        expectPartition(partitionIid(rows, n, s), rows, n),
      ),
    );
  });

  it('by label: every row once, sizes within one', () => {
    fc.assert(
      fc.property(labels, parts, seed, (digits, n, s) =>
        expectPartition(partitionByLabel(digits, n, s), digits.length, n),
      ),
    );
  });

  it('by label: with balanced classes each part has two of them at most', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 1, max: 20 }), (s, each) => {
        const digits = Array.from({ length: 20 * each }, (_, i) => i % 10);
        const split = partitionByLabel(digits, 10, s);
        for (const part of split)
          expect(new Set([...part].map((row) => digits[row])).size).toBeLessThanOrEqual(2);
      }),
    );
  });

  it('is the same for the same seed and another for another', () => {
    const digits = Array.from({ length: 1_000 }, (_, i) => (i * 7) % 10);
    expect(partitionByLabel(digits, 10, 3)).toEqual(partitionByLabel(digits, 10, 3));
    expect(partitionByLabel(digits, 10, 3)).not.toEqual(partitionByLabel(digits, 10, 4));
    expect(partitionIid(1_000, 10, 3)).not.toEqual(partitionIid(1_000, 10, 4));
  });

  it('refuses a number of parts that makes no sense', () => {
    for (const n of [0, -1, 1.5, Number.NaN]) {
      expect(() => partitionIid(10, n, 1)).toThrow(RangeError);
      expect(() => partitionByLabel([1, 2], n, 1)).toThrow(RangeError);
    }
  });
});
