import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeShard } from '../../src/tensors/encoding.js';
import { HalfEncoder } from '../../src/tensors/half-encoder.js';
import { f16Shard, half, valueOfHalf } from './encoded.js';
import { bytesOf } from './exact.js';

const encoder = new HalfEncoder();
const encode = (values: readonly number[]): number[] | null => {
  const bytes = encoder.encode(bytesOf(Float32Array.from(values)));
  return bytes === null ? null : [...new Uint16Array(bytes.slice().buffer)];
};

describe('HalfEncoder', () => {
  it('leaves every f16 as it is, over the borders of its blocks', () => {
    const all = Array.from({ length: 0x7c00 }, (_, i) => [i, i | 0x8000]).flat();
    expect(encoder.encode(bytesOf(decodeShard(f16Shard(all), 'f16')))).toEqual(f16Shard(all));
  });

  it('rounds to the nearest, ties to the even one', () => {
    // Neighbours below 2^16, so that the next one is an f16 too.
    const lower = half.filter((bits) => (bits & 0x7fff) < 0x7bff);
    fc.assert(
      fc.property(lower, fc.double({ min: 0, max: 1, noNaN: true }), (bits, share) => {
        const [a, b] = [valueOfHalf(bits), valueOfHalf(bits + 1)];
        const value = Math.fround(a + (b - a) * share);
        const [rounded = NaN] = encode([value]) ?? [];
        const [toA, toB] = [Math.abs(value - a), Math.abs(b - value)];
        const even = bits % 2 === 0 ? bits : bits + 1;
        expect(rounded).toBe(toA < toB ? bits : toB < toA ? bits + 1 : even);
      }),
      { numRuns: 2000 },
    );
    // Halfway: 1 + 2^-11, 1 + 3·2^-11, and between subnormals.
    expect(encode([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -25, 3 * 2 ** -25, -(2 ** -25), 1e-40])).toEqual([
      0x3c00, 0x3c02, 0, 2, 0x8000, 0,
    ]);
  });

  it('does not saturate: what f16 does not reach is refused, at every position', () => {
    expect(encode([65_504, -65_519.99])).toEqual([0x7bff, 0xfbff]);
    for (const bad of [65_520, -65_520, 1e30, Infinity, -Infinity, NaN]) {
      for (let position = 0; position < 11; position++) {
        expect(encode(Array.from({ length: 11 }, (_, i) => (i === position ? bad : 1)))).toBeNull();
      }
    }
  });
});
