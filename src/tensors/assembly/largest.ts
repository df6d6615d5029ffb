/** The largest magnitude. */

import { INFINITY_BITS, NO_NUMBER, valueOf } from './half';
import { loopConstant } from './loop-constant';

/**
 * The bits of the largest |x| of `n` f32: as unsigned integers they order like the magnitudes, with infinity and then
 * NaN above every finite value, so one integer maximum answers both "how large" and "all finite".
 */
export function largest(x: usize, n: usize): u32 {
  const mask = i32x4.splat(loopConstant<i32>(0x7fffffff, n));
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  const end = x + (n << 2);
  const vectorEnd = x + ((n & ~7) << 2);
  if (x < vectorEnd) {
    do {
      a = i32x4.max_u(a, v128.and(v128.load(x), mask));
      b = i32x4.max_u(b, v128.and(v128.load(x, 16), mask));
      x += 32;
    } while (x < vectorEnd);
  }
  let bits = largestLane(i32x4.max_u(a, b));
  for (; x < end; x += 4) bits = max<u32>(bits, load<u32>(x) & 0x7fffffff);
  return bits;
}

/** The same of `n` f16, as if they were f32; those of infinity for what is no number. */
export function largestF16(x: usize, n: usize): u32 {
  const mask = i16x8.splat(loopConstant<i16>(0x7fff, n));
  let a = i16x8.splat(0);
  let b = i16x8.splat(0);
  const end = x + (n << 1);
  const vectorEnd = x + ((n & ~15) << 1);
  if (x < vectorEnd) {
    do {
      a = i16x8.max_u(a, v128.and(v128.load(x), mask));
      b = i16x8.max_u(b, v128.and(v128.load(x, 16), mask));
      x += 32;
    } while (x < vectorEnd);
  }
  let half = largestHalf(i16x8.max_u(a, b));
  for (; x < end; x += 2) half = max<u32>(half, load<u16>(x) & 0x7fff);
  return bitsOfLargest(half);
}

export function largestLane(bits: v128): u32 {
  return max<u32>(
    max<u32>(i32x4.extract_lane(bits, 0), i32x4.extract_lane(bits, 1)),
    max<u32>(i32x4.extract_lane(bits, 2), i32x4.extract_lane(bits, 3)),
  );
}

export function largestHalf(halves: v128): u32 {
  return largestLane(i32x4.max_u(i32x4.extend_low_i16x8_u(halves), i32x4.extend_high_i16x8_u(halves)));
}

export function bitsOfLargest(half: u32): u32 {
  return half < NO_NUMBER ? reinterpret<u32>(valueOf(half)) : INFINITY_BITS;
}
