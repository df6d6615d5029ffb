import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseFoldScale, type FoldScale } from '../../src/core/fold-scale.js';
import { ARENA_HEAD_BYTES, FoldArena } from '../../src/tensors/fold-arena.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { instantiateKernels, sharedMemory } from '../../src/tensors/wasm.js';
import { f16Shard, half, valueOfHalf } from './encoded.js';
import { exactTerm, integersOf } from './exact.js';

const MOST_PARAMS = 40;
const memory = sharedMemory(65_536);
const arena = new FoldArena(memory);
const all = new Uint8Array(memory.buffer);
const folder = new ShardFolder(MOST_PARAMS);
const { liftOf } = instantiateKernels(sharedMemory(64)).kernels;

interface Update {
  readonly halves: readonly number[];
  readonly numExamples: number;
}

/** Often a power of two or near one, where the last bits are that decide. */
function upTo(most: number): fc.Arbitrary<number> {
  return fc
    .tuple(
      fc.double({ min: 0, max: Math.log2(most), noNaN: true }),
      fc.constantFrom(-1, 0, 0, 1),
      fc.boolean(),
    )
    .map(([log, near, power]) => 2 ** (power ? Math.floor(log) : log) + near)
    .map((value) => Math.min(most, Math.max(1, Math.round(value))));
}

/** Any that a job may have; small ones are those of a fine scale. */
const magnitude = fc.oneof(
  fc.constantFrom(65_504, 1_024, 1),
  fc.double({ min: 2 ** -24, max: 65_504, noNaN: true }),
  fc.integer({ min: -24, max: 15 }).map((exponent) => 2 ** exponent),
);

const round = fc
  .record({
    maxMagnitude: magnitude,
    maxExamples: upTo(2 ** 29 - 1),
    maxUpdates: upTo(100_000),
    params: fc.integer({ min: 1, max: MOST_PARAMS }),
  })
  .chain(({ params, ...limits }) => {
    // The lower bits of what is too large.
    const fitting = half.map((bits) => {
      for (let mask = 0x7fff; ; mask >>= 1)
        if (Math.abs(valueOfHalf(bits & mask)) <= limits.maxMagnitude) return bits & (mask | 0x8000);
    });
    const scale = chooseFoldScale(limits);
    const { g, p } = scale;
    // Factors that just have a lift, or just not.
    const edge = (factor: number): fc.Arbitrary<number> =>
      fc
        .integer({ min: -1, max: 40 })
        .map((more) => Math.ceil(factor * 2 ** (p - g)) + more)
        .map((numExamples) => Math.min(limits.maxExamples, Math.max(1, numExamples)));
    const update = fc.record({
      halves: fc.array(fitting, { minLength: params, maxLength: params }),
      numExamples: fc.oneof(upTo(limits.maxExamples), edge(2 ** 25), edge(2 ** 66)),
    });
    return fc.record({
      params: fc.constant(params),
      scale: fc.constant(scale),
      updates: fc.array(update, { minLength: 1, maxLength: 5 }),
    });
  });

function inArena(updates: readonly Update[], params: number, scale: FoldScale): bigint[] {
  const firstAt = ARENA_HEAD_BYTES + params * 8;
  const placed = updates.map(({ halves, numExamples }, i) => {
    const at = firstAt + i * (params * 2 + 7);
    all.set(f16Shard(halves), at);
    return { at, numExamples };
  });
  arena.fold({
    sumAt: ARENA_HEAD_BYTES,
    clear: true,
    updates: placed,
    encoding: 'f16',
    paramCount: params,
    shardParams: params,
    scale,
  });
  return integersOf(all.slice(ARENA_HEAD_BYTES, firstAt));
}

function inLanes(updates: readonly Update[], params: number, scale: FoldScale): bigint[] {
  folder.reset(params);
  folder.add(
    updates.map(({ halves, numExamples }) => ({ bytes: f16Shard(halves), encoding: 'f16', numExamples })),
    scale,
  );
  return integersOf(folder.partial());
}

describe('folding f16', () => {
  it('adds exactly the rounded terms at every scale that a round can have', () => {
    fc.assert(
      fc.property(round, ({ updates, params, scale }) => {
        const expected = Array.from({ length: params }, (_, i) =>
          updates.reduce(
            (sum, u) => sum + exactTerm(valueOfHalf(u.halves[i] ?? NaN), u.numExamples, scale),
            0n,
          ),
        );
        expect(inArena(updates, params, scale)).toEqual(expected);
        expect(inLanes(updates, params, scale)).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has a lift for every update of an ordinary round, so that it is fast', () => {
    for (const maxExamples of [1, 7, 100, 1_000, 32_768]) {
      const { g, p } = chooseFoldScale({ maxMagnitude: 1_024, maxExamples, maxUpdates: 1_000 });
      for (let numExamples = 1; numExamples <= maxExamples; numExamples++)
        if (liftOf(numExamples * 2 ** (g - p)) === 0)
          throw new Error(`${numExamples} of ${maxExamples} has no lift.`);
    }
  });

  it('has none where it would not be exact', () => {
    for (const factor of [0, 2 ** 24, 2 ** 25 - 1, 2 ** 66, 2 ** 1000, Infinity, NaN, -(2 ** 30)])
      expect(liftOf(factor)).toBe(0);
    for (const factor of [2 ** 25, 2 ** 66 - 2 ** 40]) expect(liftOf(factor)).toBeGreaterThan(0);
  });
});
