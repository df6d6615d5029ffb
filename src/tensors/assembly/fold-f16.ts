/**
 * Folding of f16, without making f32 of them.
 *
 * The bits of an f16, moved to where an f64 has its sign, exponent and mantissa, are the f64 x × 2^-1008; of a subnormal
 * one too. Times s it would have to be rounded, but processors take a hundred times as long to multiply a subnormal as to
 * add it. So the lift of s is added before, and then the multiplication rounds as well: see lift.ts.
 */

import { valueOf } from './half';
import { FROM_LIFTED, liftOf } from './lift';
import { loopConstant } from './loop-constant';
import { addFour, addTerm } from './terms';

/** 2^10 in one of eight lanes of each half: what {@link moved} multiplies with. */
function places(n: usize): v128 {
  const all = i16x8.splat(loopConstant<i16>(1024, n));
  return v128.and(all, i16x8(0, 0, -1, 0, 0, 0, 0, -1));
}

/** Of the upper half of an f64, where the sign, and the lower bits of exponent and upper ones of the mantissa are. */
function signAndRest(n: usize): v128 {
  return i64x2.splat(loopConstant<i64>(0x81fffc0000000000, n));
}

/**
 * The bits of two f16 where two f64 have them, from eight bytes that end with them. To multiply moves them, each into
 * another half, and takes what the units of a processor that shuffle would be short of.
 */
function moved(bytes: v128, place: v128, mask: v128): v128 {
  return v128.and(i32x4.dot_i16x8_s(bytes, place), mask);
}

/** Lifted, and times s. */
function terms(x: v128, lift: v128, s: v128): v128 {
  return f64x2.mul(f64x2.add(x, lift), s);
}

/** One by one: what the vectors leave over, and all of an update whose factor has no lift. */
function rest(acc: usize, u: usize, n: usize, s: f64): void {
  for (; n > 0; n--, u += 2, acc += 8) addTerm(acc, f64(valueOf(load<u16>(u))), s);
}

/** As fold1 of f32, but reads four bytes before `u`. */
export function fold1F16(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const factor = load<f64>(factors);
  const lifted = liftOf(factor);
  const end = u + ((n & ~7) << 1);
  if (lifted != 0 && u < end) {
    const lift = f64x2.splat(lifted);
    const s = f64x2.splat(factor * FROM_LIFTED);
    const bias = i64x2.sub(i64x2.splat(0), f64x2.mul(lift, s));
    const place = places(n);
    const mask = signAndRest(n);
    do {
      const x = u - 4;
      addFour(
        acc,
        bias,
        terms(moved(v128.load64_splat(x), place, mask), lift, s),
        terms(moved(v128.load64_splat(x, 4), place, mask), lift, s),
      );
      addFour(
        acc + 32,
        bias,
        terms(moved(v128.load64_splat(x, 8), place, mask), lift, s),
        terms(moved(v128.load64_splat(x, 12), place, mask), lift, s),
      );
      u += 16;
      acc += 64;
    } while (u < end);
    n &= 7;
  }
  rest(acc, u, n, factor);
}

/** As fold2 of f32, but reads four bytes before each update. */
export function fold2F16(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const liftedA = liftOf(load<f64>(factors));
  const liftedB = liftOf(load<f64>(factors, 8));
  if (liftedA == 0 || liftedB == 0) {
    fold1F16(acc, u, 0, n, factors);
    fold1F16(acc, u + stride, 0, n, factors + 8);
    return;
  }
  const liftA = f64x2.splat(liftedA);
  const liftB = f64x2.splat(liftedB);
  const a = f64x2.splat(load<f64>(factors) * FROM_LIFTED);
  const b = f64x2.splat(load<f64>(factors, 8) * FROM_LIFTED);
  const bias = i64x2.sub(i64x2.sub(i64x2.splat(0), f64x2.mul(liftA, a)), f64x2.mul(liftB, b));
  const place = places(n);
  const mask = signAndRest(n);
  const end = u + ((n & ~7) << 1);
  if (u < end) {
    do {
      const x = u - 4;
      const y = x + stride;
      addFour(
        acc,
        bias,
        i64x2.add(
          terms(moved(v128.load64_splat(x), place, mask), liftA, a),
          terms(moved(v128.load64_splat(y), place, mask), liftB, b),
        ),
        i64x2.add(
          terms(moved(v128.load64_splat(x, 4), place, mask), liftA, a),
          terms(moved(v128.load64_splat(y, 4), place, mask), liftB, b),
        ),
      );
      addFour(
        acc + 32,
        bias,
        i64x2.add(
          terms(moved(v128.load64_splat(x, 8), place, mask), liftA, a),
          terms(moved(v128.load64_splat(y, 8), place, mask), liftB, b),
        ),
        i64x2.add(
          terms(moved(v128.load64_splat(x, 12), place, mask), liftA, a),
          terms(moved(v128.load64_splat(y, 12), place, mask), liftB, b),
        ),
      );
      u += 16;
      acc += 64;
    } while (u < end);
  }
  n &= 7;
  rest(acc, u, n, load<f64>(factors));
  rest(acc, u + stride, n, load<f64>(factors, 8));
}
