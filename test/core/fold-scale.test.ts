import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseFoldScale, MAX_EXAMPLES, meanErrorBound, powerOfTwo } from '../../src/core/fold-scale.js';
import { exact, SHIFT } from '../tensors/exact.js';

const limits = fc.record({
  maxMagnitude: fc.float({ min: Math.fround(2 ** -149), noNaN: true, noDefaultInfinity: true }),
  maxExamples: fc.integer({ min: 1, max: MAX_EXAMPLES }),
  maxUpdates: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
});

/** ceil(magnitude × 2^g), exactly. */
function largestTerm(magnitude: number, g: number): bigint {
  const shift = SHIFT - BigInt(g);
  return (exact(magnitude) + (1n << shift) - 1n) >> shift;
}

function fits(magnitude: number, g: number, updates: number): boolean {
  const term = largestTerm(magnitude, g);
  return term < 2n ** 51n && term * BigInt(updates) < 2n ** 63n;
}

describe('chooseFoldScale', () => {
  it('takes the finest scale that cannot overflow', () => {
    fc.assert(
      fc.property(limits, ({ maxMagnitude, maxExamples, maxUpdates }) => {
        const { g, p } = chooseFoldScale({ maxMagnitude, maxExamples, maxUpdates });
        expect(maxExamples).toBeLessThanOrEqual(2 ** p);
        expect(p === 0 || maxExamples > 2 ** (p - 1)).toBe(true);
        expect(fits(maxMagnitude, g, maxUpdates)).toBe(true);
        expect(fits(maxMagnitude, g + 1, maxUpdates)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [
      { maxMagnitude: 1, maxExamples: 1, maxUpdates: 1 },
      { g: 50, p: 0 },
    ],
    [
      { maxMagnitude: 1.5, maxExamples: 1024, maxUpdates: 4096 },
      { g: 50, p: 10 },
    ],
    [
      { maxMagnitude: 1, maxExamples: 1025, maxUpdates: 2 ** 13 },
      { g: 49, p: 11 },
    ],
    [
      { maxMagnitude: 1, maxExamples: MAX_EXAMPLES, maxUpdates: 2 ** 20 },
      { g: 42, p: 29 },
    ],
  ])('%j gives %j', (given, expected) => {
    expect(chooseFoldScale(given)).toEqual(expected);
  });

  it('keeps the documented error for up to 4096 updates', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 4096 }), ({ maxMagnitude, maxExamples }, updates) => {
        const scale = chooseFoldScale({ maxMagnitude, maxExamples, maxUpdates: 4096 });
        // Every update with a single example: the mean number is 1, the worst case.
        expect(meanErrorBound(scale, updates, updates)).toBeLessThanOrEqual(
          maxMagnitude * 2 ** -49 * maxExamples,
        );
      }),
    );
  });

  it('names the limit that is out of range', () => {
    const good = { maxMagnitude: 1, maxExamples: 1, maxUpdates: 1 };
    for (const maxMagnitude of [0, -1, NaN, Infinity, 1e39]) {
      expect(() => chooseFoldScale({ ...good, maxMagnitude })).toThrow(/^maxMagnitude is/);
    }
    for (const bad of [0, 1.5, NaN, 2 ** 31]) {
      expect(() => chooseFoldScale({ ...good, maxExamples: bad })).toThrow(/^maxExamples is/);
      expect(() => chooseFoldScale({ ...good, maxUpdates: bad })).toThrow(/^maxUpdates is/);
    }
    expect(() => chooseFoldScale({ ...good, maxExamples: MAX_EXAMPLES + 1 })).toThrow('from 1 to 536870911');
  });
});

describe('powerOfTwo', () => {
  it('is exact in the whole normal range', () => {
    for (let exponent = -1022; exponent <= 1023; exponent++)
      expect(Math.log2(powerOfTwo(exponent))).toBe(exponent);
    expect(() => powerOfTwo(1024)).toThrow(RangeError);
    expect(() => powerOfTwo(0.5)).toThrow(RangeError);
  });
});
