/** The largest magnitude and the sum of squares of f32. */

import { largestLane } from './largest';
import { loopConstant } from './loop-constant';

/** As {@link largest}; writes the sum of squares to `sumAt` (f64, eight interleaved chains, always in the same order). */
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
  let result = largestLane(bits);
  for (; x < end; x += 4) {
    result = max<u32>(result, load<u32>(x) & 0x7fffffff);
    const value = f64(load<f32>(x));
    sum += value * value;
  }
  store<f64>(sumAt, sum);
  return result;
}
