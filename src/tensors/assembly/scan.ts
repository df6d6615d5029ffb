import { interleaveHigh, interleaveLow, MOVED_BIAS, SMALLEST_NORMAL, magnitudeOf } from './half';
import { loopConstant } from './loop-constant';

/**
 * Scans `n` f32. Returns the bits of the largest |x|: as unsigned integers they order like the magnitudes, with
 * infinity and then NaN above every finite value, so one integer maximum answers both "how large" and "all finite".
 * Writes the sum of squares (f64, eight interleaved chains, always added in the same order) to `sumAt`.
 */
export function scan(x: usize, n: usize, sumAt: usize): u32 {
  const mask = i32x4.splat(loopConstant<i32>(0x7fffffff, n));
  let bits = i32x4.splat(0);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let d = f64x2.splat(0);
  const end = x + (n << 2);
  const vectorEnd = x + ((n & ~7) << 2);
  if (x < vectorEnd) {
    do {
      bits = i32x4.max_u(bits, v128.and(v128.load(x), mask));
      bits = i32x4.max_u(bits, v128.and(v128.load(x, 16), mask));
      const p = f64x2.promote_low_f32x4(v128.load64_zero(x));
      const q = f64x2.promote_low_f32x4(v128.load64_zero(x, 8));
      const r = f64x2.promote_low_f32x4(v128.load64_zero(x, 16));
      const t = f64x2.promote_low_f32x4(v128.load64_zero(x, 24));
      a = f64x2.add(a, f64x2.mul(p, p));
      b = f64x2.add(b, f64x2.mul(q, q));
      c = f64x2.add(c, f64x2.mul(r, r));
      d = f64x2.add(d, f64x2.mul(t, t));
      x += 32;
    } while (x < vectorEnd);
  }
  const pairs = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
  let largest = max<u32>(
    max<u32>(i32x4.extract_lane(bits, 0), i32x4.extract_lane(bits, 1)),
    max<u32>(i32x4.extract_lane(bits, 2), i32x4.extract_lane(bits, 3)),
  );
  for (; x < end; x += 4) {
    largest = max<u32>(largest, load<u32>(x) & 0x7fffffff);
    const value = f64(load<f32>(x));
    sum += value * value;
  }
  store<f64>(sumAt, sum);
  return largest;
}

/**
 * The same of `n` f16, as if they were f32. Their magnitudes as f32 are the smaller of z and 2z - 2^-14: with the
 * exponent moved over, z is right for a normal value, and a subnormal one, read as if it were normal, is z where
 * 2z - 2^-14 is right. A square of 11 bits is exact as f32. Squares go through 32 bytes at `sumAt`: to be made f64
 * on the way from memory costs half of what it costs from a register.
 */
export function scanF16(x: usize, n: usize, sumAt: usize): u32 {
  const mask = i16x8.splat(loopConstant<i16>(0x7fff, n));
  const bias = i16x8.splat(loopConstant<i16>(MOVED_BIAS, n));
  const smallestNormal = i32x4.splat(loopConstant<i32>(SMALLEST_NORMAL, n));
  let halves = i16x8.splat(0);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let d = f64x2.splat(0);
  const end = x + (n << 1);
  const vectorEnd = x + ((n & ~7) << 1);
  if (x < vectorEnd) {
    do {
      const h = v128.and(v128.load(x), mask);
      halves = i16x8.max_u(halves, h);
      const high = i16x8.add(i16x8.shr_u(h, 3), bias);
      const low = i16x8.shl(h, 13);
      const y = interleaveLow(low, high);
      const z = interleaveHigh(low, high);
      const p = f32x4.pmin(y, f32x4.sub(f32x4.add(y, y), smallestNormal));
      const q = f32x4.pmin(z, f32x4.sub(f32x4.add(z, z), smallestNormal));
      v128.store(sumAt, f32x4.mul(p, p));
      v128.store(sumAt, f32x4.mul(q, q), 16);
      a = f64x2.add(a, f64x2.promote_low_f32x4(v128.load64_zero(sumAt)));
      b = f64x2.add(b, f64x2.promote_low_f32x4(v128.load64_zero(sumAt, 8)));
      c = f64x2.add(c, f64x2.promote_low_f32x4(v128.load64_zero(sumAt, 16)));
      d = f64x2.add(d, f64x2.promote_low_f32x4(v128.load64_zero(sumAt, 24)));
      x += 16;
    } while (x < vectorEnd);
  }
  const pairs = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
  let largest: u32 = 0;
  v128.store(sumAt, halves);
  for (let lane: usize = 0; lane < 16; lane += 2) largest = max<u32>(largest, load<u16>(sumAt + lane));
  for (; x < end; x += 2) {
    const half = load<u16>(x) & 0x7fff;
    largest = max<u32>(largest, half);
    const value = f64(magnitudeOf(half));
    sum += value * value;
  }
  store<f64>(sumAt, sum);
  return largest < 0x7c00 ? reinterpret<u32>(magnitudeOf(largest)) : 0x7f800000;
}
