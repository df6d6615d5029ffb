import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseFoldScale, meanErrorBound } from '../../src/core/fold-scale.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import {
  abs,
  bytesOf,
  exact,
  exactPower,
  exactSum,
  exactTerm,
  floatsOf,
  integersOf,
  noise,
  toFold,
  type Update,
} from './exact.js';

const MAX_EXAMPLES = 5000;
const limits = { maxMagnitude: 1, maxExamples: MAX_EXAMPLES, maxUpdates: 64 };
const scale = chooseFoldScale(limits);
const folder = new ShardFolder(20_000);

/** fc.float yields denormals, negative zero and the bounds often. */
const float = fc.float({ min: -1, max: 1, noNaN: true });
const numExamples = fc.integer({ min: 1, max: MAX_EXAMPLES });

function updatesOf(params: number): fc.Arbitrary<Update[]> {
  const values = fc
    .array(float, { minLength: params, maxLength: params })
    .map((list) => Float32Array.from(list));
  return fc.array(fc.record({ values, numExamples }), { minLength: 1, maxLength: 19 });
}

const round = fc.integer({ min: 1, max: 21 }).chain((params) =>
  fc.record({
    updates: updatesOf(params),
    base: updatesOf(params).map(([first]) => first?.values ?? new Float32Array(params)),
  }),
);

describe('folding against exact rational arithmetic', () => {
  it('adds exactly the rounded terms, whatever the number of parameters and updates', () => {
    fc.assert(
      fc.property(round, ({ updates, base }) => {
        folder.reset(base.length);
        folder.add(toFold(updates), scale);
        const expected = Array.from(base, (_, i) =>
          updates.reduce((sum, u) => sum + exactTerm(u.values[i] ?? NaN, u.numExamples, scale), 0n),
        );
        expect(integersOf(folder.partial())).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('finishes within half an ulp and the documented bound of the exact mean', () => {
    fc.assert(
      fc.property(round, ({ updates, base }) => {
        const total = updates.reduce((sum, u) => sum + u.numExamples, 0);
        folder.reset(base.length);
        folder.add(toFold(updates), scale);
        const next = floatsOf(folder.finish(bytesOf(base), { scale, totalExamples: total }));
        next.forEach((value, i) => {
          const step = exactSum(updates, i);
          // Everything times the total, so that the mean needs no division.
          const error = abs((exact(value) - exact(base[i] ?? NaN)) * BigInt(total) - step);
          const bound = BigInt(updates.length) * exactPower(scale.p - scale.g - 1);
          const f64Steps = (abs(step) + abs(exact(base[i] ?? NaN)) * BigInt(total)) >> 51n;
          expect(error).toBeLessThanOrEqual(halfUlp(value) * BigInt(total) + bound + f64Steps);
        });
      }),
      { numRuns: 150 },
    );
  });

  it('leaves every base as it is, to the bit, where the sum is zero', () => {
    fc.assert(
      fc.property(round, ({ base, updates }) => {
        const total = updates.reduce((sum, u) => sum + u.numExamples, 0);
        const zeros = updates.map((u, i) => ({
          ...u,
          values: new Float32Array(base.length).fill(i % 2 ? 0 : -0),
        }));
        // A negative zero in the vectors and in what they leave over.
        const bits = bytesOf(Float32Array.of(...base, -0, 0, -0));
        folder.reset(base.length + 3);
        folder.add(
          toFold(zeros.map((u) => ({ ...u, values: Float32Array.of(...u.values, -0, 0, 0) }))),
          scale,
        );
        for (const serverLearningRate of [1, 0.3]) {
          const next = folder.finish(bits, { scale, totalExamples: total, serverLearningRate });
          expect(Buffer.compare(next, bits)).toBe(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('has a bound below half an ulp of an ordinary parameter', () => {
    // 20 updates of 100 to 119 examples, deltas up to 1, parameters of a thousandth.
    const updates = Array.from({ length: 20 }, (_, i) => ({ values: noise(1000, i), numExamples: 100 + i }));
    const total = updates.reduce((sum, u) => sum + u.numExamples, 0);
    expect(meanErrorBound(scale, 20, total)).toBeLessThan(2 ** -25 * 0.001);
  });

  it('folds across the borders of its internal blocks, from bytes at odd addresses', () => {
    const params = 16_384 + 3;
    const updates = Array.from({ length: 11 }, (_, i) => ({
      values: noise(params, i),
      numExamples: 1 + 97 * i,
    }));
    folder.reset(params);
    folder.add(
      toFold(updates).map(({ bytes, numExamples: n }) => ({ bytes: moved(bytes), numExamples: n })),
      scale,
    );
    const sums = integersOf(folder.partial());
    for (const i of [0, 1, 4095, 4096, 8191, 8192, 8193, 16_383, 16_384, 16_385, 16_386]) {
      expect(sums[i]).toBe(
        updates.reduce((sum, u) => sum + exactTerm(u.values[i] ?? NaN, u.numExamples, scale), 0n),
      );
    }
  });

  it('multiplies the mean by the server learning rate and leaves base and partial alone', () => {
    const base = Buffer.from(bytesOf(Float32Array.of(1, 2, -3)));
    const before = Buffer.from(Uint8Array.from(base));
    folder.reset(3);
    folder.add([{ bytes: bytesOf(Float32Array.of(0.5, -0.25, -0)), numExamples: 8 }], scale);
    const partial = folder.partial();
    const next = folder.finish(base, { scale, totalExamples: 8, serverLearningRate: 0.5 });
    expect([...floatsOf(next)]).toEqual([1.25, 1.875, -3]);
    expect(base.equals(before)).toBe(true);
    expect(folder.partial()).toEqual(partial);
  });
});

function halfUlp(value: number): bigint {
  const exponent = value === 0 ? -126 : Math.max(-126, Math.floor(Math.log2(Math.abs(value))));
  return exactPower(exponent - 24);
}

function moved(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 1);
  copy.set(bytes, 1);
  return copy.subarray(1);
}
