import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseFoldScale } from '../../src/core/fold-scale.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { bytesOf, integersOf, exactTerm, noise, toFold } from './exact.js';

const scale = chooseFoldScale({ maxMagnitude: 1, maxExamples: 1000, maxUpdates: 100 });
const PARAMS = 8_192 + 37;
const updates = Array.from({ length: 23 }, (_, i) => ({ values: noise(PARAMS, i), numExamples: 1 + 41 * i }));
const folders = [1, 3, 4, 8].map((lanes) => new ShardFolder(PARAMS, { lanes }));

function fold(items: readonly (typeof updates)[number][], folder: ShardFolder): Uint8Array {
  folder.reset(PARAMS);
  folder.add(toFold(items), scale);
  return folder.partial();
}

describe('folding in any order', () => {
  it('gives the same bits for every order, batching, number of lanes and tree of partials', () => {
    const reference = fold(updates, new ShardFolder(PARAMS));
    const plan = fc.record({
      order: fc.shuffledSubarray(updates, { minLength: updates.length }),
      // Which partial each update goes to, and in which order partials are merged.
      groups: fc.array(fc.nat(4), { minLength: updates.length, maxLength: updates.length }),
      merges: fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
      batch: fc.integer({ min: 1, max: 9 }),
      which: fc.nat(folders.length - 1),
    });
    fc.assert(
      fc.property(plan, ({ order, groups, merges, batch, which }) => {
        const folder = folders[which] as ShardFolder;
        const partials = [0, 1, 2, 3, 4].map((group) => {
          const members = order.filter((_, i) => groups[i] === group);
          folder.reset(PARAMS);
          for (let i = 0; i < members.length; i += batch)
            folder.add(toFold(members.slice(i, i + batch)), scale);
          return folder.partial();
        });
        for (const pick of merges) {
          if (partials.length < 2) break;
          const [left] = partials.splice(pick % partials.length, 1) as [Uint8Array];
          const [right] = partials.splice(pick % partials.length, 1) as [Uint8Array];
          folder.load(left);
          folder.merge(right);
          partials.push(folder.partial());
        }
        expect(Buffer.compare(partials[0] as Uint8Array, reference)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('continues a stored partial', () => {
    const folder = new ShardFolder(PARAMS, { lanes: 2 });
    const half = fold(updates.slice(0, 10), folder);
    folder.reset(PARAMS);
    folder.load(half);
    folder.add(toFold(updates.slice(10)), scale);
    expect(Buffer.compare(folder.partial(), fold(updates, folder))).toBe(0);
  });

  it.each([
    { maxMagnitude: 1.5, maxExamples: 1024, maxUpdates: 4096 },
    { maxMagnitude: 2, maxExamples: 2 ** 29 - 1, maxUpdates: 4097 },
    { maxMagnitude: Math.fround(1e30), maxExamples: 1, maxUpdates: 10_000 },
    { maxMagnitude: Math.fround(1.9999999), maxExamples: 4096, maxUpdates: 3 },
  ])('does not overflow with the most updates at the bound: %j', (limits) => {
    const bound = chooseFoldScale(limits);
    const values = Float32Array.of(1, -1, 1, -1, 1).map((sign) => sign * limits.maxMagnitude);
    const update = { bytes: bytesOf(values), numExamples: limits.maxExamples };
    const folder = new ShardFolder(5);
    folder.reset(5);
    folder.add(
      Array.from({ length: limits.maxUpdates }, () => update),
      bound,
    );
    const expected = Array.from(
      values,
      (value) => BigInt(limits.maxUpdates) * exactTerm(value, limits.maxExamples, bound),
    );
    expect(integersOf(folder.partial())).toEqual(expected);
  });

  it('names what is wrong with lengths and example counts, and adds nothing', () => {
    const folder = new ShardFolder(8);
    const bytes = new Uint8Array(16);
    expect(() => folder.add([{ bytes, numExamples: 1 }], scale)).toThrow('call reset or load first');
    folder.reset(4);
    expect(() => folder.add([{ bytes: new Uint8Array(12), numExamples: 1 }], scale)).toThrow(
      'Update 0 has 12 bytes; a shard of 4 parameters has 16 as f32.',
    );
    const good = { bytes: bytesOf(Float32Array.of(1, 1, 1, 1)), numExamples: 1 };
    expect(() => folder.add([good, { bytes, numExamples: 1025 }], scale)).toThrow(
      'an integer from 1 to 1024',
    );
    expect(integersOf(folder.partial())).toEqual([0n, 0n, 0n, 0n]);
    expect(() => folder.merge(new Uint8Array(16))).toThrow('The partial has 16 bytes');
    expect(() => folder.finish(new Uint8Array(4), { scale, totalExamples: 1 })).toThrow(
      'The base has 4 bytes',
    );
    expect(() => folder.finish(bytes, { scale, totalExamples: 0 })).toThrow('totalExamples is 0');
    expect(() => folder.load(new Uint8Array(12))).toThrow(RangeError);
    expect(() => folder.reset(9)).toThrow('params is 9; it must be an integer from 1 to 8.');
    expect(() => new ShardFolder(8, { lanes: 9 })).toThrow('lanes is 9');
  });
});
