import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { payloadBytes, shardBytes, type UpdateEncoding } from '../../src/core/encoding.js';
import { chooseFoldScale } from '../../src/core/fold-scale.js';
import { decodeShard } from '../../src/tensors/encoding.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { chooseScale, scaleFault } from '../../src/tensors/q8-scale.js';
import { f16Shard, half, q8Scale, q8Shard, q8Value, valueOfHalf } from './encoded.js';
import { bytesOf, exactTerm, integersOf } from './exact.js';
import { scanned } from './scanned.js';

const ALL_HALVES = Array.from({ length: 0x7c00 }, (_, i) => [i, i | 0x8000]).flat();
const MAX_EXAMPLES = 2 ** 29 - 1;
const scale = chooseFoldScale({ maxMagnitude: 65_504, maxExamples: MAX_EXAMPLES, maxUpdates: 64 });
const folders = [new ShardFolder(70_000), new ShardFolder(70_000, { lanes: 3 })];

interface Encoded {
  readonly bytes: Uint8Array;
  readonly encoding: UpdateEncoding;
  readonly numExamples: number;
}

function shardOf(params: number): fc.Arbitrary<{ bytes: Uint8Array; encoding: UpdateEncoding }> {
  const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.array(item, { minLength: params, maxLength: params });
  return fc.oneof(
    list(half).map((halves) => ({ bytes: f16Shard(halves), encoding: 'f16' as const })),
    fc
      .tuple(q8Scale(512), list(q8Value))
      .map(([s, values]) => ({ bytes: q8Shard(s, values), encoding: 'q8' as const })),
    list(fc.float({ min: -65_504, max: 65_504, noNaN: true })).map((values) => ({
      bytes: bytesOf(Float32Array.from(values)),
      encoding: 'f32' as const,
    })),
  );
}

const batch = fc.integer({ min: 1, max: 37 }).chain((params) =>
  fc.array(
    fc
      .tuple(shardOf(params), fc.integer({ min: 1, max: MAX_EXAMPLES }))
      .map(([shard, numExamples]): Encoded => ({ ...shard, numExamples })),
    { minLength: 1, maxLength: 19 },
  ),
);

/** At an odd address, in a larger buffer. */
function moved(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 9);
  copy.set(bytes, 3);
  return copy.subarray(3, 3 + bytes.length);
}

function fold(updates: readonly Encoded[], params: number, folder = folders[0] as ShardFolder): Uint8Array {
  folder.reset(params);
  folder.add(updates, scale);
  return folder.partial();
}

describe('decoding', () => {
  it('gives every f16 its value', () => {
    const values = decodeShard(f16Shard(ALL_HALVES), 'f16');
    values.forEach((value, i) => expect(Object.is(value, valueOfHalf(ALL_HALVES[i] ?? NaN))).toBe(true));
    expect([...decodeShard(f16Shard([0x7c00, 0xfc00, 0x7e01]), 'f16')]).toEqual([Infinity, -Infinity, NaN]);
  });

  it('of q8 is exact: f32 holds each product', () => {
    fc.assert(
      fc.property(q8Scale(2e36), q8Value, (s, value) => {
        expect(decodeShard(q8Shard(s, [value]), 'q8')[0]).toBe(value * s);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses half a value', () => {
    expect(() => decodeShard(new Uint8Array(3), 'f16')).toThrow('3 bytes are no shard of f16');
  });
});

describe('folding encoded updates', () => {
  it('is folding the decoded f32, byte for byte, in mixed batches of any length', () => {
    fc.assert(
      fc.property(batch, fc.nat(1), (updates, which) => {
        const decoded = updates.map(({ bytes, encoding, numExamples }) => {
          const values = decodeShard(bytes, encoding);
          return { values, numExamples };
        });
        const params = decoded[0]?.values.length ?? 0;
        const folder = folders[which] as ShardFolder;
        const partial = fold(
          updates.map((update) => ({ ...update, bytes: moved(update.bytes) })),
          params,
          folder,
        );
        const asF32 = decoded.map(({ values, numExamples }) => ({
          bytes: bytesOf(values),
          encoding: 'f32' as const,
          numExamples,
        }));
        expect(Buffer.compare(partial, fold(asF32, params, folder))).toBe(0);
        const exact = Array.from({ length: params }, (_, i) =>
          decoded.reduce((sum, u) => sum + exactTerm(u.values[i] ?? NaN, u.numExamples, scale), 0n),
        );
        expect(integersOf(partial)).toEqual(exact);
      }),
      { numRuns: 150 },
    );
  });

  it('takes every f16 and every value of q8, over the borders of blocks', () => {
    const q8 = q8Shard(
      2 ** -3 + 2 ** -18,
      ALL_HALVES.map((_, i) => (i % 255) - 127),
    );
    const updates = [
      { bytes: f16Shard(ALL_HALVES), encoding: 'f16' as const, numExamples: 3 },
      { bytes: q8, encoding: 'q8' as const, numExamples: 5 },
    ];
    const decoded = updates.map(({ bytes, encoding, numExamples }) => ({
      bytes: bytesOf(decodeShard(bytes, encoding)),
      encoding: 'f32' as const,
      numExamples,
    }));
    expect(Buffer.compare(fold(updates, ALL_HALVES.length), fold(decoded, ALL_HALVES.length))).toBe(0);
  });

  it('names wrong lengths', () => {
    const folder = folders[0] as ShardFolder;
    folder.reset(4);
    const wrong = { bytes: new Uint8Array(4), encoding: 'q8' as const, numExamples: 1 };
    expect(() => folder.add([wrong], scale)).toThrow(
      'Update 0 has 4 bytes; a shard of 4 parameters has 8 as q8.',
    );
  });
});

describe('scanning encoded shards', () => {
  it('finds what scanning the decoded f32 finds, and its sum of squares as nearly as it says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }).chain(shardOf), ({ bytes, encoding }) => {
        const scan = scanned(bytes, encoding);
        const plain = scanned(bytesOf(decodeShard(bytes, encoding)), 'f32');
        expect(scan).toMatchObject({ finite: true, maxAbs: plain.maxAbs, fault: null });
        const [sum, plainSum] = [scan.sumSquares ?? NaN, plain.sumSquares ?? NaN];
        const error = encoding === 'f16' ? 2 ** -20 : 64 * Number.EPSILON;
        expect(Math.abs(sum - plainSum)).toBeLessThanOrEqual(error * plainSum);
        expect(scanned(bytes, encoding, { norm: false })).toEqual({ ...scan, sumSquares: null });
      }),
      { numRuns: 300 },
    );
  });

  it('finds every f16 alone, and eight of it', () => {
    const right = (half: number, count: number): boolean => {
      const shard = f16Shard(Array(count).fill(half));
      const { finite, maxAbs, sumSquares } = scanned(shard, 'f16');
      const largest = scanned(shard, 'f16', { norm: false }).maxAbs;
      const value = Math.abs(valueOfHalf(half));
      if ((half & 0x7fff) >= 0x7c00) return !finite && maxAbs === Infinity && largest === Infinity;
      return finite && maxAbs === value && largest === value && sumSquares === count * value ** 2;
    };
    const wrong = Array.from({ length: 2 ** 16 }, (_, half) => half).filter(
      (half) => !right(half, 1) || !right(half, 8),
    );
    expect(wrong).toEqual([]);
  });

  it('goes over long shards', () => {
    const halves = Array.from({ length: 10_001 }, (_, i) => (i === 10_000 ? 0xc400 : 0x3c00));
    const found = { finite: true, fault: null };
    expect(scanned(f16Shard(halves), 'f16')).toEqual({ ...found, maxAbs: 4, sumSquares: 10_016 });
    const values = Array.from({ length: 1_200_003 }, (_, i) => (i === 500_000 ? 1 : -127));
    const sumSquares = (1_200_002 * 127 ** 2 + 1) / 4;
    expect(scanned(q8Shard(0.5, values), 'q8')).toEqual({ ...found, maxAbs: 63.5, sumSquares });
  });

  it.each([0x7c00, 0xfc00, 0x7c01, 0x7fff, 0xfe00])('finds f16 that are no numbers: %p', (bad) => {
    for (let length = 1; length <= 19; length++) {
      for (let position = 0; position < length; position++) {
        const halves = Array.from({ length }, (_, i) => (i === position ? bad : 0x7bff));
        expect(scanned(f16Shard(halves), 'f16').finite).toBe(false);
        expect(scanned(f16Shard(halves), 'f16', { norm: false }).finite).toBe(false);
      }
    }
  });

  it.each([
    ['must be finite', NaN],
    ['must be finite', Infinity],
    ['must not be negative', -1],
    ['must not be negative', -0],
    ['more than 16 significant bits', 1 + 2 ** -16],
    ['more than 16 significant bits', 2 ** -149],
  ])('q8 with a scale that %s: %p', (fault, bad) => {
    const scan = scanned(q8Shard(bad, [0, 1]), 'q8');
    expect(scan).toMatchObject({ finite: false, maxAbs: Infinity });
    expect(scan.fault).toContain(fault);
  });

  it('q8 with -128 anywhere, even times nothing', () => {
    for (let length = 1; length <= 19; length++) {
      for (let position = 0; position < length; position++) {
        const values = Array.from({ length }, (_, i) => (i === position ? -128 : -127));
        expect(scanned(q8Shard(0, values), 'q8').fault).toContain('-128');
        expect(scanned(q8Shard(1, values.fill(-127)), 'q8').fault).toBeNull();
      }
    }
  });
});

it('the scale of q8 is the smallest legal one that reaches, unless that is too far', () => {
  fc.assert(
    fc.property(fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }), (maxAbs) => {
      const chosen = chooseScale(maxAbs);
      expect(scaleFault(q8Shard(chosen, []))).toBeNull();
      expect(chosen * 127).toBeGreaterThanOrEqual(maxAbs);
      expect(chosen).toBeLessThanOrEqual((maxAbs / 127) * (1 + 2 ** -14) + 2 ** -141);
      const bounded = chooseScale(maxAbs, maxAbs);
      expect(scaleFault(q8Shard(bounded, []))).toBeNull();
      expect(bounded * 127).toBeLessThanOrEqual(maxAbs);
      expect(bounded).toBeGreaterThanOrEqual((maxAbs / 127) * (1 - 2 ** -14) - 2 ** -141);
    }),
    { numRuns: 500 },
  );
});

it('bytes of a shard and of a payload', () => {
  const geometry = { paramCount: 25, shardParams: 8 };
  expect([shardBytes('f32', 8), shardBytes('f16', 8), shardBytes('q8', 8)]).toEqual([32, 16, 12]);
  expect([
    payloadBytes('f32', geometry),
    payloadBytes('f16', geometry),
    payloadBytes('q8', geometry),
  ]).toEqual([100, 50, 41]);
});
