import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { shardBytes, UPDATE_ENCODINGS } from '../../src/core/encoding.js';
import { seededRandom } from '../../src/core/random.js';
import { ARENA_HEAD_BYTES, FoldArena } from '../../src/tensors/fold-arena.js';
import { FreeList } from '../../src/tensors/free-list.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { roundDown } from '../../src/tensors/q8-scale.js';
import { shardCount, shardSpan } from '../../src/tensors/sharding.js';
import { sharedMemory } from '../../src/tensors/wasm.js';

const scale = { g: 40, p: 6 };
const memory = sharedMemory(ARENA_HEAD_BYTES + 2 ** 20);
const arena = new FoldArena(memory);
const all = new Uint8Array(memory.buffer);

/** Shards of small whole values: right in every encoding. */
function shard(encoding: (typeof UPDATE_ENCODINGS)[number], length: number, seed: number): Uint8Array {
  const values = Float32Array.from({ length }, (_, i) => ((i * 7 + seed) % 31) - 15);
  if (encoding === 'f32') return new Uint8Array(values.buffer);
  if (encoding === 'q8') {
    const bytes = new Uint8Array(4 + length);
    new DataView(bytes.buffer).setFloat32(0, 0.5, true);
    bytes.set(Int8Array.from(values), 4);
    return bytes;
  }
  // 2^e × 1.m for whole numbers up to 16.
  const half = (x: number): number => {
    if (x === 0) return 0;
    const e = Math.floor(Math.log2(Math.abs(x)));
    return (x < 0 ? 0x8000 : 0) | ((e + 15) << 10) | ((Math.abs(x) / 2 ** e - 1) * 1024);
  };
  return new Uint8Array(Uint16Array.from(values, half).buffer);
}

describe('folding where the updates are', () => {
  it('gives the sum of a folder for q8 of any values and scales', () => {
    const update = fc.record({
      numExamples: fc.integer({ min: 1, max: 64 }),
      q8Scale: fc.float({ min: 0, max: Math.fround(1e-3), noNaN: true }),
      seed: fc.integer(),
    });
    const cases = fc.record({
      paramCount: fc.integer({ min: 1, max: 9_000 }),
      updates: fc.array(update, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(cases, ({ paramCount, updates }) => {
        const shards = updates.map(({ q8Scale, seed }) => {
          const bytes = new Uint8Array(4 + paramCount);
          const random = seededRandom(seed);
          bytes.set(
            Int8Array.from({ length: paramCount }, () => Math.floor(random() * 255) - 127),
            4,
          );
          new DataView(bytes.buffer).setFloat32(0, roundDown(q8Scale), true);
          return bytes;
        });
        const firstAt = ARENA_HEAD_BYTES + paramCount * 8;
        const placed = updates.map(({ numExamples }, i) => {
          const at = firstAt + i * (paramCount + 5);
          all.set(shards[i] as Uint8Array, at);
          return { at, numExamples };
        });
        const sizes = { paramCount, shardParams: paramCount };
        arena.fold({
          sumAt: ARENA_HEAD_BYTES,
          clear: true,
          updates: placed,
          encoding: 'q8',
          ...sizes,
          scale,
        });
        const folder = new ShardFolder(paramCount);
        folder.reset(paramCount);
        folder.add(
          updates.map(({ numExamples }, i) => ({
            bytes: shards[i] as Uint8Array,
            encoding: 'q8' as const,
            numExamples,
          })),
          scale,
        );
        const sum = all.subarray(ARENA_HEAD_BYTES, firstAt);
        expect(Buffer.compare(folder.partial(), sum)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('gives the sum of a folder for every shard, in every encoding, at any place', () => {
    const cases = fc.record({
      encoding: fc.constantFrom(...UPDATE_ENCODINGS),
      paramCount: fc.integer({ min: 1, max: 20_000 }),
      shardParams: fc.integer({ min: 3_000, max: 9_000 }),
      updates: fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 5 }),
      batch: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(cases, ({ encoding, paramCount, shardParams, updates, batch }) => {
        const free = new FreeList(ARENA_HEAD_BYTES, all.length);
        const count = shardCount(paramCount, shardParams);
        const spans = Array.from({ length: count }, (_, k) => shardSpan(paramCount, shardParams, k));
        const sumAt = free.take(paramCount * 8) ?? 0;
        all.fill(7, sumAt, sumAt + paramCount * 8);
        const placed = updates.map((numExamples, seed) => {
          const parts = spans.map(({ length }) => shard(encoding, length, seed));
          const at = free.take(parts.reduce((sum, part) => sum + part.length, 0)) ?? 0;
          parts.forEach((part, k) => all.set(part, at + k * shardBytes(encoding, shardParams)));
          return { at, numExamples, parts };
        });
        for (let i = 0; i < placed.length; i += batch) {
          const fold = { sumAt, clear: i === 0, encoding, paramCount, shardParams, scale };
          arena.fold({ ...fold, updates: placed.slice(i, i + batch) });
        }
        spans.forEach(({ start, length }, k) => {
          const folder = new ShardFolder(length);
          folder.reset(length);
          folder.add(
            placed.map(({ parts, numExamples }) => ({ bytes: parts[k]!, numExamples, encoding })),
            scale,
          );
          const sum = all.slice(sumAt + start * 8, sumAt + (start + length) * 8);
          expect(Buffer.from(sum).equals(Buffer.from(folder.partial()))).toBe(true);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('gives the sum of a folder for every f16', () => {
    const halves = Array.from({ length: 0x7c00 }, (_, i) => [i, i | 0x8000]).flat();
    // Backwards with three more in front: each in another lane of its vector, and some behind the last vector.
    const backwards = [1, 0x8001, 0x3ff, ...[...halves].reverse()];
    const updates = [[...halves, 0x83ff, 0x400, 0x8400], backwards].map((list, i) => ({
      bytes: new Uint8Array(Uint16Array.from(list).buffer),
      encoding: 'f16' as const,
      numExamples: 3 + 2 * i,
    }));
    const paramCount = backwards.length;
    const [sumAt, firstAt] = [ARENA_HEAD_BYTES, ARENA_HEAD_BYTES + paramCount * 8];
    const placed = updates.map(({ bytes, numExamples }, i) => {
      const at = firstAt + i * bytes.length;
      all.set(bytes, at);
      return { at, numExamples };
    });
    const folder = new ShardFolder(paramCount);
    for (const g of [40, 20]) {
      for (const count of [1, 2]) {
        const fold = { sumAt, clear: true, encoding: 'f16' as const, paramCount, shardParams: paramCount };
        arena.fold({ ...fold, updates: placed.slice(0, count), scale: { g, p: 6 } });
        folder.reset(paramCount);
        folder.add(updates.slice(0, count), { g, p: 6 });
        const sum = all.slice(sumAt, sumAt + paramCount * 8);
        expect(Buffer.compare(sum, folder.partial())).toBe(0);
      }
    }
  });

  it('leaves updates as they are', () => {
    for (const encoding of UPDATE_ENCODINGS) {
      const bytes = shard(encoding, 5_003, 1);
      const at = ARENA_HEAD_BYTES + 80_001 - (encoding === 'f32' ? 1 : 0);
      all.set(bytes, at);
      const update = { at, numExamples: 1 };
      const params = { paramCount: 5_003, shardParams: 5_003 };
      arena.fold({ sumAt: ARENA_HEAD_BYTES, clear: true, updates: [update], encoding, ...params, scale });
      arena.scan({ at, bytes: bytes.length, encoding, norm: true });
      expect(Buffer.compare(all.slice(at, at + bytes.length), bytes)).toBe(0);
    }
  });
});

describe('the free parts of a memory', () => {
  it('never overlap, and are whole again when all is given back', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (sizes, choices) => {
        const free = new FreeList(10, 16_010);
        const before = free.freeBytes;
        const taken: { at: number; bytes: number }[] = [];
        for (const bytes of sizes) {
          const at = free.take(bytes);
          if (at === null) {
            const [back] = taken.splice((choices.next().value as number) % Math.max(1, taken.length), 1);
            if (back !== undefined) free.giveBack(back.at, back.bytes);
            continue;
          }
          expect(at % 64).toBe(0);
          expect(at).toBeGreaterThanOrEqual(10);
          expect(at + bytes).toBeLessThanOrEqual(16_010);
          for (const other of taken)
            expect(at + bytes <= other.at || at >= other.at + other.bytes).toBe(true);
          taken.push({ at, bytes });
        }
        for (const { at, bytes } of taken) free.giveBack(at, bytes);
        expect(free.freeBytes).toBe(before);
        expect(free.take(before)).not.toBeNull();
      }),
    );
  });
});
