import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { payloadBytes, shardBytes, type UpdateEncoding } from '../../src/core/encoding.js';
import { clip, l2Norm } from '../../src/library/delta.js';
import { encodeUpdate, type UpdateForm } from '../../src/library/encode-update.js';
import { randomBits } from '../../src/library/random-bits.js';
import { decodeShard } from '../../src/tensors/encoding.js';
import { scanned } from '../tensors/scanned.js';

const form = (encoding: UpdateEncoding, rest: Partial<UpdateForm> = {}): UpdateForm => ({
  encoding,
  shardParams: 1_000,
  maxMagnitude: 1_024,
  clipNorm: null,
  ...rest,
});

function shardsOf(payload: Uint8Array, { encoding, shardParams }: UpdateForm): Uint8Array[] {
  const bytes = shardBytes(encoding, shardParams);
  const count = Math.ceil(payload.length / bytes);
  return Array.from({ length: count }, (_, i) => payload.subarray(i * bytes, (i + 1) * bytes));
}

function decode(payload: Uint8Array, as: UpdateForm): number[] {
  return shardsOf(payload, as).flatMap((shard) => [...decodeShard(shard, as.encoding)]);
}

/** Repeatable draws. */
const draws = (seed = 1) => randomBits(Uint32Array.of(seed, 2, 3));

describe.each(['f16', 'q8'] as const)('an update as %s', (encoding) => {
  it('is the delta on average', () => {
    // Subnormal f16, ordinary ones, one near the bound, and some below the smallest step, in shards of two.
    const delta = Float32Array.of(1e-8, -3e-5, 0.123456, -0.999, 1.5, 1_023.9, -7.00001, 0);
    const trials = 4_000;
    const random = draws();
    const as = form(encoding, { shardParams: 2 });
    const sums = new Float64Array(delta.length);
    const squares = new Float64Array(delta.length);
    for (let trial = 0; trial < trials; trial++) {
      decode(encodeUpdate(delta, as, random), as).forEach((value, i) => {
        const error = value - (delta[i] ?? NaN);
        sums[i] = (sums[i] ?? 0) + error;
        squares[i] = (squares[i] ?? 0) + error * error;
      });
    }
    sums.forEach((sum, i) => {
      const spread = Math.sqrt((squares[i] ?? NaN) / trials);
      // Five standard errors; what is hardly ever rounded the other way is off by at most the last bit of a scale.
      const steady = encoding === 'q8' ? Math.abs(delta[i] ?? 0) * 2 ** -14 : 0;
      expect(Math.abs(sum / trials)).toBeLessThanOrEqual((5 * spread) / Math.sqrt(trials) + steady + 1e-12);
    });
    // And it is random: what lies between two steps goes to both.
    const seen = new Set(Array.from({ length: 200 }, () => decode(encodeUpdate(delta, as, random), as)[2]));
    expect(seen.size).toBe(2);
  });

  it('is within the bounds of the job, whatever the delta that keeps them', () => {
    const vector = fc.array(
      fc.oneof(
        fc.float({ noNaN: true, min: -1_000, max: 1_000 }),
        fc.float({ noNaN: true, min: -1, max: 1 }),
      ),
      { minLength: 1, maxLength: 60 },
    );
    const bound = fc.oneof(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), fc.constant(null));
    fc.assert(
      fc.property(vector, bound, fc.nat(), (values, clipNorm, seed) => {
        const delta = Float32Array.from(values);
        if (clipNorm !== null) clip(delta, clipNorm);
        // The tightest bound that the delta keeps.
        const maxMagnitude = delta.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-9);
        const as = form(encoding, { shardParams: 7, maxMagnitude, clipNorm });
        const payload = encodeUpdate(delta, as, draws(seed));
        expect(payload.length).toBe(payloadBytes(encoding, { paramCount: delta.length, shardParams: 7 }));
        for (const shard of shardsOf(payload, as)) {
          const scan = scanned(shard, encoding);
          expect(scan).toMatchObject({ finite: true, fault: null });
          expect(scan.maxAbs).toBeLessThanOrEqual(maxMagnitude);
        }
        const norm = l2Norm(Float32Array.from(decode(payload, as)));
        if (clipNorm !== null) expect(norm).toBeLessThanOrEqual(clipNorm);
      }),
      { numRuns: 400 },
    );
  });

  it('keeps the bound where rounding would double the norm, and the direction with it', () => {
    // One large element, and many of an eighth of a step.
    const delta = new Float32Array(50_000).fill(0.001);
    delta[0] = 1;
    const clipNorm = l2Norm(delta);
    const as = form(encoding, { shardParams: 50_000, clipNorm });
    const values = decode(encodeUpdate(delta, as, draws()), as);
    const norm = l2Norm(Float32Array.from(values));
    expect(norm).toBeLessThanOrEqual(clipNorm);
    expect(norm).toBeGreaterThan(0.99 * clipNorm);
    const rest = values.slice(1).reduce((sum, value) => sum + value, 0) / (values.length - 1);
    expect(rest / (values[0] ?? NaN)).toBeGreaterThan(0.00095);
    expect(rest / (values[0] ?? NaN)).toBeLessThan(0.00105);
  });

  it('says nothing as nothing', () => {
    const as = form(encoding, { clipNorm: 1 });
    expect(decode(encodeUpdate(new Float32Array(3), as), as)).toEqual([0, 0, 0]);
  });
});

it('f32 is the bytes of the delta, wherever they lie', () => {
  const delta = Float32Array.of(9, 1, -2).subarray(1);
  expect(encodeUpdate(delta, form('f32'))).toEqual(new Uint8Array(Float32Array.of(1, -2).buffer));
});

describe('random bits', () => {
  it('differ by seed, repeat by seed, and fill their range evenly', () => {
    const take = (next: () => number): number[] => Array.from({ length: 16 }, next);
    expect(take(draws(1))).toEqual(take(draws(1)));
    expect(take(draws(1))).not.toEqual(take(draws(2)));
    expect(take(randomBits())).not.toEqual(take(randomBits()));
    const next = draws();
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 160_000; i++) {
      const bin = next() >>> 28;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    // 10,000 expected in each, with a standard deviation of 97.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600);
  });
});
