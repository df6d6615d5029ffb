/** What the kernels for f16 have in common. */

/** What the exponent of an f16 is off in an f32, (127 - 15) << 23: its upper half. */
export const MOVED_BIAS: i16 = 0x3800;
/** 2^-14, the smallest normal f16, as the bits of an f32. */
export const SMALLEST_NORMAL: i32 = 0x38800000;

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

/**
 * Eight f16 as f32 to `to`; infinity and NaN become 65536 and more, and -0 becomes 0, which makes no difference to a sum.
 *
 * With the exponent moved over, a normal value is right. A subnormal one gets the next exponent, that of 2^-14, hence a
 * one before its bits, and 2^-14 of the same sign is taken off. All but that is done to eight values of 16 bits, the
 * upper and the lower halves of the f32.
 *
 * Subnormal f32 never appear on the way: some processors take a hundred times as long for them, and small deltas are
 * mostly subnormal as f16.
 */
export function widen(h: v128, to: usize, signAndMoved: v128, bias: v128, exponent: v128): void {
  const zeros = i16x8.splat(0);
  const low = i16x8.shl(h, 13);
  const moved = i16x8.add(v128.and(i16x8.shr_s(h, 3), signAndMoved), bias);
  // -128 where subnormal: taking it off counts the exponent up, and it keeps the sign and the exponent of 2^-14.
  const subnormal = i16x8.shl(i16x8.eq(v128.and(h, exponent), zeros), 7);
  const high = i16x8.sub(moved, subnormal);
  const excess = v128.and(high, subnormal);
  v128.store(to, f32x4.sub(interleaveLow(low, high), interleaveLow(zeros, excess)));
  v128.store(to, f32x4.sub(interleaveHigh(low, high), interleaveHigh(zeros, excess)), 16);
}
