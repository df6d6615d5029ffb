import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Sums } from '../../src/gateway/audit/sums.js';

const rule = { windowMs: 100, maxKinds: 3 };

describe('sums', () => {
  test('write the first of a kind at once, and the same within the window with its count when that ends', () => {
    const written: [string, number][] = [];
    const sums = new Sums<string>((what, count) => written.push([what, count]), null);
    const add = (kind: string, nowMs: number): void =>
      sums.add({ kind, group: 'g', rule, what: kind, others: 'others' }, nowMs);
    for (const nowMs of [0, 10, 20]) add('a', nowMs);
    expect(written).toEqual([['a', 1]]);
    sums.flush(99);
    expect(written).toHaveLength(1);
    sums.flush(100);
    expect(written).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
    add('a', 101);
    expect(written.at(-1)).toEqual(['a', 1]);
    sums.flush(Infinity);
    expect(written).toHaveLength(3);
  });

  test('lose nothing, and write no more than their rule allows, whatever comes', () => {
    const call = fc.record({ kind: fc.nat(20), group: fc.nat(5), times: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 200 }), (calls) => {
        const written: [string, number][] = [];
        const sums = new Sums<string>((what, count) => written.push([what, count]), null);
        for (const { kind, group, times } of calls) {
          const input = { kind: `${group}/${kind}`, group: String(group), rule, count: times };
          sums.add({ ...input, what: String(group), others: `${group} others` }, 0);
        }
        sums.flush(Infinity);
        const all = calls.reduce((sum, { times }) => sum + times, 0);
        expect(written.reduce((sum, [, count]) => sum + count, 0)).toBe(all);
        for (let group = 0; group <= 5; group++) {
          const entries = written.filter(([what]) => what.startsWith(String(group)));
          // Each of three kinds and the others: once at first, once at the end.
          expect(entries.length).toBeLessThanOrEqual(8);
        }
      }),
    );
  });

  test('are bounded where groups have no end', () => {
    const written: [string, number][] = [];
    const sums = new Sums<string>((what, count) => written.push([what, count]), 'overflow');
    const calls = 10_000;
    for (let i = 0; i < calls; i++)
      sums.add({ kind: `k${i}`, group: `g${i}`, rule, what: 'one', others: 'others' }, 0);
    sums.flush(Infinity);
    expect(written.length).toBeLessThan(4_100);
    expect(written.at(-1)?.[0]).toBe('overflow');
    expect(written.reduce((sum, [, count]) => sum + count, 0)).toBe(calls);
  });
});
