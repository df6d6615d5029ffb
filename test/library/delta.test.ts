import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countExamples, type LocalData } from '../../src/library/dataset.js';
import { checkDelta, clip, l2Norm } from '../../src/library/delta.js';

const vector = fc.array(fc.float({ noNaN: true, min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 50 });

describe('clip', () => {
  it('never leaves more than the bound, keeps the direction, and leaves short vectors alone', () => {
    fc.assert(
      fc.property(vector, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (values, clipNorm) => {
        const before = Float32Array.from(values);
        const after = Float32Array.from(values);
        clip(after, clipNorm);
        expect(l2Norm(after)).toBeLessThanOrEqual(clipNorm);
        if (l2Norm(before) <= clipNorm) return expect(after).toEqual(before);
        expect(l2Norm(after)).toBeGreaterThan(clipNorm * 0.999);
        const factor = clipNorm / l2Norm(before);
        after.forEach((value, i) =>
          expect(Math.abs(value - before[i]! * factor)).toBeLessThan(1e-5 * clipNorm),
        );
      }),
    );
  });

  it('leaves NaN and infinity for the check that follows', () => {
    const bad = Float32Array.of(1, Number.NaN);
    clip(bad, 0.1);
    expect(() => checkDelta(bad, { paramCount: 2, maxMagnitude: 10 })).toThrow(/diverged/);
    const huge = Float32Array.of(Infinity, 1);
    clip(huge, 0.1);
    expect(() => checkDelta(huge, { paramCount: 2, maxMagnitude: 10 })).toThrow(/diverged/);
  });
});

it('checkDelta names what the pool would refuse', () => {
  expect(() => checkDelta(Float32Array.of(1), { paramCount: 2, maxMagnitude: 1 })).toThrow(/1 parameters/);
  expect(() => checkDelta(Float32Array.of(-3), { paramCount: 1, maxMagnitude: 2 })).toThrow(/maxMagnitude/);
  checkDelta(Float32Array.of(-2, 2), { paramCount: 2, maxMagnitude: 2 });
});

describe('countExamples', () => {
  const array = { inputs: new Float32Array(6), inputShape: [3], labels: [0, 1], labelShape: [] };
  it('counts', () => {
    expect(countExamples(array)).toBe(2);
    expect(countExamples({ rows: [[1, 2]] })).toBe(1);
  });

  it.each<[string, LocalData]>([
    ['2 inputs but 3 labels', { ...array, labels: [0, 1, 2] }],
    ['not a whole number', { ...array, inputs: new Float32Array(7) }],
    ['empty', { ...array, inputs: [], labels: [] }],
    ['Row 1 has 1', { rows: [[1, 2], [1]] }],
    ['at least one input', { rows: [[1]] }],
    ['at least one input', { rows: [] }],
  ])('refuses: %s', (message, data) => {
    expect(() => countExamples(data)).toThrow(message);
  });
});
