/** The largest magnitude and the sum of squares of q8. */

import { largestHalf } from './largest';

/** Sums of squares of so many values fit into 32 bits, as each of four lanes gets a quarter of them. */
const CHUNK: usize = 1 << 18;

/** The largest |x| of `n` whole numbers of 8 bits; writes the sum of their squares, which is exact, to `sumAt` (f64). */
export function scanQ8(x: usize, n: usize, sumAt: usize): u32 {
  let bytes = i8x16.splat(0);
  let sums = i64x2.splat(0);
  const end = x + n;
  const vectorEnd = x + (n & ~15);
  while (x < vectorEnd) {
    const chunkEnd = min<usize>(vectorEnd, x + CHUNK);
    let squares = i32x4.splat(0);
    do {
      const values = v128.load(x);
      // That of -128 is 128, without a sign.
      bytes = i8x16.max_u(bytes, i8x16.abs(values));
      const low = i16x8.extend_low_i8x16_s(values);
      const high = i16x8.extend_high_i8x16_s(values);
      squares = i32x4.add(squares, i32x4.add(i32x4.dot_i16x8_s(low, low), i32x4.dot_i16x8_s(high, high)));
      x += 16;
    } while (x < chunkEnd);
    sums = i64x2.add(sums, i64x2.add(i64x2.extend_low_i32x4_u(squares), i64x2.extend_high_i32x4_u(squares)));
  }
  let sum = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
  let largest = largestHalf(i16x8.max_u(i16x8.extend_low_i8x16_u(bytes), i16x8.extend_high_i8x16_u(bytes)));
  for (; x < end; x++) {
    const value = i32(load<i8>(x));
    largest = max<u32>(largest, abs<i32>(value));
    sum += i64(value * value);
  }
  store<f64>(sumAt, f64(sum));
  return largest;
}
