/** Exact arithmetic for the tests: every finite f32 is a whole multiple of 2^-149. */
import type { FoldScale } from '../../src/core/fold-scale.js';

/** Fractions are written as integers in units of 2^-SHIFT. */
export const SHIFT = 300n;

export interface Update {
  readonly values: Float32Array;
  readonly numExamples: number;
}

/** The value in units of 2^-SHIFT, from its bits. */
export function exact(value: number): bigint {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = BigInt(bits & 0x7fffff) + (exponent === 0 ? 0n : 0x800000n);
  const magnitude = (fraction << BigInt(Math.max(exponent, 1) - 1)) << (SHIFT - 149n);
  return bits >>> 31 ? -magnitude : magnitude;
}

/** 2^exponent in units of 2^-SHIFT. */
export function exactPower(exponent: number): bigint {
  return 1n << (SHIFT + BigInt(exponent));
}

/** Σ n·δ of one parameter, in units of 2^-SHIFT. */
export function exactSum(updates: readonly Update[], index: number): bigint {
  return updates.reduce((sum, u) => sum + BigInt(u.numExamples) * exact(u.values[index] ?? NaN), 0n);
}

/** What a term must be: n·δ·2^(g−p) rounded to the nearest integer, ties to even. */
export function exactTerm(value: number, numExamples: number, { g, p }: FoldScale): bigint {
  const unit = exactPower(p - g);
  const scaled = exact(value) * BigInt(numExamples);
  const size = scaled < 0n ? -scaled : scaled;
  const twice = 2n * (size % unit);
  let quotient = size / unit;
  if (twice > unit || (twice === unit && quotient % 2n === 1n)) quotient += 1n;
  return scaled < 0n ? -quotient : quotient;
}

export function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function toFold(updates: readonly Update[]): { bytes: Uint8Array; numExamples: number }[] {
  return updates.map(({ values, numExamples }) => ({ bytes: bytesOf(values), numExamples }));
}

export function integersOf(partial: Uint8Array): bigint[] {
  return [...new BigInt64Array(partial.slice().buffer)];
}

export function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}

/** Repeatable numbers in [-1, 1) (a linear congruential generator: good enough to fill tensors). */
export function noise(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
