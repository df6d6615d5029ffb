import { interleaveHigh, interleaveLow, MOVED_BIAS, valueOf } from './half';
import { loopConstant } from './loop-constant';

/**
 * f16 and int8 to f32 and back, in AssemblyScript. Decoding may work in place: when the encoded values lie at the end of
 * the room for the decoded ones, every vector is read before anything is written over it.
 *
 * Subnormal f32 never appear on the way: some processors take a hundred times as long for them, and small deltas are
 * mostly subnormal as f16.
 */

/**
 * `n` f16 at `from` to f32 at `to`; infinity and NaN become 65536 and more, which no f16 is, and -0 becomes 0, which
 * makes no difference to a sum.
 *
 * With the exponent moved over, a normal value is right. A subnormal one gets the next exponent, that of 2^-14, hence a
 * one before its bits, and 2^-14 of the same sign is taken off. All but that is done to eight values of 16 bits, the
 * upper and the lower halves of the f32.
 */
export function decodeF16(from: usize, to: usize, n: usize): void {
  const signAndMoved = i16x8.splat(loopConstant<i16>(0x8fff as i16, n));
  const bias = i16x8.splat(loopConstant<i16>(MOVED_BIAS, n));
  const exponent = i16x8.splat(loopConstant<i16>(0x7c00, n));
  const zeros = i16x8.splat(0);
  const vectorEnd = from + ((n & ~7) << 1);
  if (from < vectorEnd) {
    do {
      const h = v128.load(from);
      const low = i16x8.shl(h, 13);
      const moved = i16x8.add(v128.and(i16x8.shr_s(h, 3), signAndMoved), bias);
      // -128 where subnormal: taking it off counts the exponent up, and it keeps the sign and the exponent of 2^-14.
      const subnormal = i16x8.shl(i16x8.eq(v128.and(h, exponent), zeros), 7);
      const high = i16x8.sub(moved, subnormal);
      const excess = v128.and(high, subnormal);
      v128.store(to, f32x4.sub(interleaveLow(low, high), interleaveLow(zeros, excess)));
      v128.store(to, f32x4.sub(interleaveHigh(low, high), interleaveHigh(zeros, excess)), 16);
      from += 16;
      to += 32;
    } while (from < vectorEnd);
  }
  for (n &= 7; n > 0; n--, from += 2, to += 4) {
    const half = load<u16>(from);
    store<f32>(to, half & 0x8000 ? 0 - valueOf(half) : valueOf(half));
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
    const normal = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    const subnormal = reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000;
    store<u16>(to, ((bits >> 16) & 0x8000) | (magnitude < 0x38800000 ? subnormal : normal));
  }
}
