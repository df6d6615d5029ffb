/**
 * f16 and int8 to f32 and back, in AssemblyScript. Decoding may work in place: when the encoded values lie at the end of
 * the room for the decoded ones, every vector is read before anything is written over it.
 *
 * Subnormal f32 never appear on the way: some processors take a hundred times as long for them, and small deltas are
 * mostly subnormal as f16.
 */

/** 2^-14, the smallest normal f16; and what its exponent is off in an f32: (127 - 15) << 23. */
const SMALLEST_NORMAL: f32 = 0.00006103515625;
const BIAS: i32 = 0x38000000;

/**
 * Four f16 in the lanes of 32 bits, sign-extended. With the exponent moved over, a normal value is right, and a
 * subnormal one, read as if it were normal, is z where 2z - 2^-14 is right: the smaller of the two in both cases.
 * Infinity and NaN become 65536 and more, which no f16 is.
 */
function widen(h: v128): v128 {
  const moved = v128.and(i32x4.shl(h, 13), i32x4.splat(0x0fffe000));
  const z = i32x4.add(moved, i32x4.splat(BIAS));
  const magnitude = f32x4.pmin(z, f32x4.sub(f32x4.add(z, z), f32x4.splat(SMALLEST_NORMAL)));
  return v128.or(magnitude, v128.and(h, i32x4.splat(0x80000000)));
}

/** `n` f16 at `from` to f32 at `to`. */
export function decodeF16(from: usize, to: usize, n: usize): void {
  const vectorEnd = from + ((n & ~7) << 1);
  for (; from < vectorEnd; from += 16, to += 32) {
    const h = v128.load(from);
    v128.store(to, widen(i32x4.extend_low_i16x8_s(h)));
    v128.store(to, widen(i32x4.extend_high_i16x8_s(h)), 16);
  }
  for (n &= 7; n > 0; n--, from += 2, to += 4) {
    v128.store32_lane(to, widen(i32x4.splat(load<i16>(from))), 0);
  }
}

/** `n` int8 at `from`, times `scale`, to f32 at `to`. */
export function decodeQ8(from: usize, to: usize, n: usize, scale: f32): void {
  const scales = f32x4.splat(scale);
  const vectorEnd = from + (n & ~7);
  for (; from < vectorEnd; from += 8, to += 32) {
    const q = v128.load8x8_s(from);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q)), scales));
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q)), scales), 16);
  }
  for (n &= 7; n > 0; n--, from++, to += 4) store<f32>(to, f32(load<i8>(from)) * scale);
}

/**
 * `n` f32 at `from` to the nearest f16 at `to`, ties to even; may work in place. The rounding of a normal value is that
 * of an integer, of its bits; adding 1/2 to a smaller one leaves its 10 bits at the end, rounded by the addition.
 * Wrong for what rounds to 65536 and more: the caller has looked.
 */
export function encodeF16(from: usize, to: usize, n: usize): void {
  for (const end = from + (n << 2); from < end; from += 4, to += 2) {
    const bits = load<u32>(from);
    const magnitude = bits & 0x7fffffff;
    const normal = (magnitude - BIAS + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    const subnormal = reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000;
    store<u16>(to, ((bits >> 16) & 0x8000) | (magnitude < 0x38800000 ? subnormal : normal));
  }
}
