/** What the kernels for f16 have in common. */

/** What the exponent of an f16 is off in an f32, (127 - 15) << 23: its upper half. */
export const MOVED_BIAS: i16 = 0x3800;
/** 2^-14, the smallest normal f16, as the bits of an f32. */
export const SMALLEST_NORMAL: i32 = 0x38800000;
/** Magnitudes from here on are infinity and NaN. */
export const NO_NUMBER: u32 = 0x7c00;
/** Infinity, as the bits of an f32. */
export const INFINITY_BITS: u32 = 0x7f800000;

/** Of two vectors of 16 bits, the first four lanes, those of `a` as lower halves of 32 bits. */
export function interleaveLow(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The last four. */
export function interleaveHigh(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/**
 * One f16; of infinity and NaN 65536 and more, which no f16 is. With the exponent moved over, a normal one is right. A
 * subnormal one gets the next exponent, that of 2^-14, hence a one before its bits, and 2^-14 of the same sign is taken
 * off: without a branch, as nobody can foresee which ones are subnormal.
 */
export function valueOf(half: u32): f32 {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  const subnormal = i32(magnitude - 0x400) >> 31;
  const bits = (magnitude << 13) + (u32(MOVED_BIAS) << 16) + (subnormal & 0x00800000);
  return reinterpret<f32>(bits | sign) - reinterpret<f32>((subnormal & SMALLEST_NORMAL) | sign);
}
