import { MOVED_BIAS, valueOf, widen } from './half';
import { loopConstant } from './loop-constant';

/**
 * f16 and int8 to f32 and back, in AssemblyScript. Decoding may work in place: when the encoded values lie at the end of
 * the room for the decoded ones, every vector is read before anything is written over it.
 */

/** `n` f16 at `from` to f32 at `to`; see {@link widen} for what is no number. */
export function decodeF16(from: usize, to: usize, n: usize): void {
  const signAndMoved = i16x8.splat(loopConstant<i16>(0x8fff as i16, n));
  const bias = i16x8.splat(loopConstant<i16>(MOVED_BIAS, n));
  const exponent = i16x8.splat(loopConstant<i16>(0x7c00, n));
  const vectorEnd = from + ((n & ~7) << 1);
  if (from < vectorEnd) {
    do {
      widen(v128.load(from), to, signAndMoved, bias, exponent);
      from += 16;
      to += 32;
    } while (from < vectorEnd);
  }
  for (n &= 7; n > 0; n--, from += 2, to += 4) store<f32>(to, valueOf(load<u16>(from)));
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
