/**
 * Folding of q8. The factors are those of f32 times the scale of each update's shard: value × scale × numExamples has 52
 * bits at most, so nothing is lost by multiplying the whole number itself, and no f32 is made of it.
 */

import { loopConstant } from './loop-constant';
import { addFour, addTerm, MAGIC_BITS } from './terms';

/** round(value × s) + MAGIC_BITS of the first two of four whole numbers. */
function first(values: v128, s: v128, magic: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(values), s), magic);
}

/** Of the last two. */
function last(values: v128, s: v128, magic: v128): v128 {
  return first(i32x4.shuffle(values, values, 2, 3, 2, 3), s, magic);
}

function addOne(acc: usize, bias: v128, magic: v128, x: v128, a: v128): void {
  addFour(acc, bias, first(x, a, magic), last(x, a, magic));
}

function addBoth(acc: usize, bias: v128, magic: v128, x: v128, a: v128, y: v128, b: v128): void {
  addFour(
    acc,
    bias,
    i64x2.add(first(x, a, magic), first(y, b, magic)),
    i64x2.add(last(x, a, magic), last(y, b, magic)),
  );
}

function rest(acc: usize, u: usize, n: usize, s: f64): void {
  for (; n > 0; n--, u++, acc += 8) addTerm(acc, f64(load<i8>(u)), s);
}

/** As fold1 of f32. */
export function fold1Q8(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-MAGIC_BITS, n));
  const end = u + (n & ~7);
  if (u < end) {
    do {
      const x = v128.load_ext<i8>(u);
      addOne(acc, bias, magic, i32x4.extend_low_i16x8_s(x), a);
      addOne(acc + 32, bias, magic, i32x4.extend_high_i16x8_s(x), a);
      u += 8;
      acc += 64;
    } while (u < end);
  }
  rest(acc, u, n & 7, load<f64>(factors));
}

/** As fold2 of f32. */
export function fold2Q8(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const b = v128.load64_splat(factors, 8);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-2 * MAGIC_BITS, n));
  const end = u + (n & ~7);
  if (u < end) {
    do {
      const x = v128.load_ext<i8>(u);
      const y = v128.load_ext<i8>(u + stride);
      addBoth(acc, bias, magic, i32x4.extend_low_i16x8_s(x), a, i32x4.extend_low_i16x8_s(y), b);
      addBoth(acc + 32, bias, magic, i32x4.extend_high_i16x8_s(x), a, i32x4.extend_high_i16x8_s(y), b);
      u += 8;
      acc += 64;
    } while (u < end);
  }
  rest(acc, u, n & 7, load<f64>(factors));
  rest(acc, u + stride, n & 7, load<f64>(factors, 8));
}
