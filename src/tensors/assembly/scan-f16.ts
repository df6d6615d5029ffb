/** The largest magnitude and the sum of squares of f16. */

import { interleaveHigh, interleaveLow, MOVED_BIAS, SMALLEST_NORMAL, valueOf } from './half';
import { bitsOfLargest, largestHalf } from './largest';
import { loopConstant } from './loop-constant';

/** One, in the exponent of an f32. */
const TWICE: i32 = 0x00800000;

/** Bytes of 128 values: so many squares are added as f32, sixteen in each of eight lanes. */
const CHUNK: usize = 256;

/**
 * As largestF16; writes the sum of squares to `sumAt` (f64). The square of 11 bits is exact as f32, and so is what f64
 * adds; to add sixteen as f32 is off by 2^-20 of them at most.
 */
export function scanF16(x: usize, n: usize, sumAt: usize): u32 {
  const mask = i16x8.splat(loopConstant<i16>(0x7fff, n));
  const bias = i16x8.splat(loopConstant<i16>(MOVED_BIAS, n));
  const smallest = i32x4.splat(loopConstant<i32>(SMALLEST_NORMAL, n));
  const twice = i32x4.splat(loopConstant<i32>(TWICE, n));
  let halves = i16x8.splat(0);
  let sums = f64x2.splat(0);
  const end = x + (n << 1);
  const vectorEnd = x + ((n & ~7) << 1);
  while (x < vectorEnd) {
    const chunkEnd = min<usize>(vectorEnd, x + CHUNK);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    do {
      const h = v128.and(v128.load(x), mask);
      halves = i16x8.max_u(halves, h);
      const upper = i16x8.add(i16x8.shr_u(h, 3), bias);
      const lower = i16x8.shl(h, 13);
      const p = magnitudes(interleaveLow(lower, upper), twice, smallest);
      const q = magnitudes(interleaveHigh(lower, upper), twice, smallest);
      a = f32x4.add(a, f32x4.mul(p, p));
      b = f32x4.add(b, f32x4.mul(q, q));
      x += 16;
    } while (x < chunkEnd);
    sums = f64x2.add(sums, f64x2.add(asF64(a), asF64(b)));
  }
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  let largest = largestHalf(halves);
  for (; x < end; x += 2) {
    const half = load<u16>(x) & 0x7fff;
    largest = max<u32>(largest, half);
    const value = f64(valueOf(half));
    sum += value * value;
  }
  store<f64>(sumAt, sum);
  return bitsOfLargest(largest);
}

/** The sums of the first and the third, and of the second and the fourth of four f32. */
function asF64(x: v128): v128 {
  return f64x2.add(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(i32x4.shuffle(x, x, 2, 3, 2, 3)));
}

/**
 * The magnitudes of four f16, as f32, from `z`: their bits with the exponent moved over, which is right for normal ones.
 * A subnormal one, read as if it were normal, is z where 2z - 2^-14 is right; of normal ones that is larger. Integers are
 * compared and added, which more units of a processor can do, and which order like the magnitudes.
 */
function magnitudes(z: v128, twice: v128, smallest: v128): v128 {
  return i32x4.min_u(z, f32x4.sub(i32x4.add(z, twice), smallest));
}
