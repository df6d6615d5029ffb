/** What the kernels for f16 have in common. */

/** What the exponent of an f16 is off in an f32, (127 - 15) << 23: its upper half. */
export const MOVED_BIAS: i16 = 0x3800;
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

/** The magnitude of one f16; of infinity and NaN 65536 and more, which no f16 is. */
export function magnitudeOf(half: u32): f32 {
  const magnitude = half & 0x7fff;
  if (magnitude < 0x400) return f32(magnitude) * 5.9604644775390625e-8; // 2^-24
  return reinterpret<f32>((magnitude << 13) + (u32(MOVED_BIAS) << 16));
}

export function valueOf(half: u32): f32 {
  return half & 0x8000 ? 0 - magnitudeOf(half) : magnitudeOf(half);
}
