import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf, noise } from './exact.js';
import { scanned } from './scanned.js';

const scan = (values: Float32Array, norm = true): ReturnType<typeof scanned> =>
  scanned(bytesOf(values), 'f32', { norm });

describe('scanning a shard', () => {
  it('finds a NaN or an infinity at every position, whatever the length', () => {
    for (let length = 1; length <= 19; length++) {
      for (let position = 0; position < length; position++) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const values = noise(length, length);
          values[position] = bad;
          const found = { finite: false, maxAbs: Infinity, fault: null };
          expect(scan(values)).toEqual({ ...found, sumSquares: Infinity });
          expect(scan(values, false)).toEqual({ ...found, sumSquares: null });
        }
      }
    }
  });

  it('finds a NaN with any payload and sign', () => {
    for (const bits of [0x7f800001, 0x7fffffff, 0xff800001, 0xffc00000]) {
      const values = noise(9, 1);
      new Uint32Array(values.buffer)[3] = bits;
      expect(scan(values).finite).toBe(false);
      expect(scan(values, false).finite).toBe(false);
    }
  });

  it('looks at what it is given and no further', () => {
    const three = { finite: true, maxAbs: 3, fault: null };
    expect(scan(Float32Array.of(1, -3, 2))).toEqual({ ...three, sumSquares: 14 });
    expect(scan(Float32Array.of(1, -3, 2), false)).toEqual({ ...three, sumSquares: null });
    expect(scan(new Float32Array())).toEqual({ finite: true, maxAbs: 0, sumSquares: 0, fault: null });
  });

  it('agrees with plain arithmetic on any values, denormals and negative zero included', () => {
    const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 64,
    });
    fc.assert(
      fc.property(floats, (list) => {
        const result = scan(Float32Array.from(list));
        const sum = list.reduce((total, value) => total + value * value, 0);
        expect(result.finite).toBe(true);
        expect(result.maxAbs).toBe(Math.max(...list.map(Math.abs)));
        expect(Math.abs((result.sumSquares ?? NaN) - sum)).toBeLessThanOrEqual(sum * 64 * Number.EPSILON);
        expect(scan(Float32Array.from(list), false)).toEqual({ ...result, sumSquares: null });
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what is no shard', () => {
    expect(() => scanned(new Uint8Array(6), 'f32')).toThrow('6 bytes are no shard of f32');
    expect(() => scanned(new Uint8Array(3), 'q8')).toThrow('3 bytes are no shard of q8');
    expect(() => scanned(new Uint8Array(7), 'f16')).toThrow('7 bytes are no shard of f16');
  });
});
