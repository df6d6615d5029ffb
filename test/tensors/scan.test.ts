import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ShardScanner } from '../../src/tensors/kernels.js';
import { bytesOf, noise } from './exact.js';

const scanner = new ShardScanner(4 * 64);

function scan(values: Float32Array): ReturnType<ShardScanner['scan']> {
  scanner.buffer.set(bytesOf(values));
  return scanner.scan(values.byteLength);
}

describe('ShardScanner', () => {
  it('finds a NaN or an infinity at every position, whatever the length', () => {
    for (let length = 1; length <= 19; length++) {
      for (let position = 0; position < length; position++) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const values = noise(length, length);
          values[position] = bad;
          expect(scan(values)).toEqual({ finite: false, maxAbs: Infinity, sumSquares: Infinity });
        }
      }
    }
  });

  it('finds a NaN with any payload and sign', () => {
    for (const bits of [0x7f800001, 0x7fffffff, 0xff800001, 0xffc00000]) {
      const values = noise(9, 1);
      new Uint32Array(values.buffer)[3] = bits;
      expect(scan(values).finite).toBe(false);
    }
  });

  it('does not look beyond the given length', () => {
    scanner.buffer.set(bytesOf(new Float32Array(64).fill(NaN)));
    scanner.buffer.set(bytesOf(Float32Array.of(1, -3, 2)));
    expect(scanner.scan(12)).toEqual({ finite: true, maxAbs: 3, sumSquares: 14 });
    expect(scanner.scan(0)).toEqual({ finite: true, maxAbs: 0, sumSquares: 0 });
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
        expect(Math.abs(result.sumSquares - sum)).toBeLessThanOrEqual(sum * 64 * Number.EPSILON);
      }),
      { numRuns: 300 },
    );
  });

  it('names wrong lengths', () => {
    expect(() => scanner.scan(6)).toThrow('byteLength is 6; it must be a multiple of 4');
    expect(() => scanner.scan(260)).toThrow('byteLength is 260; the scanner holds 256 bytes.');
    expect(() => new ShardScanner(10)).toThrow('maxBytes is 10');
  });
});
