/**
 * The kernels for a memory that threads share, where updates are folded from where they lie. They are for Node alone, so
 * they may be larger than those that a browser compiles.
 */
import { MOVED_BIAS, valueOf, widen } from './half';
import { loopConstant } from './loop-constant';
import { addFour, high, low, MAGIC, MAGIC_BITS } from './terms';

export * from './kernels';

/**
 * fold2 of f16, without a lane for what they are as f32: eight values of each update pass through 64 bytes at
 * `factors` + 64, so that memory is read while others are widened and added.
 */
export function foldF16(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const b = v128.load64_splat(factors, 8);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-2 * MAGIC_BITS, n));
  const signAndMoved = i16x8.splat(loopConstant<i16>(0x8fff as i16, n));
  const movedBias = i16x8.splat(loopConstant<i16>(MOVED_BIAS, n));
  const exponent = i16x8.splat(loopConstant<i16>(0x7c00, n));
  const p = factors + 64;
  const q = factors + 96;
  const end = u + ((n & ~7) << 1);
  if (u < end) {
    do {
      widen(v128.load(u), p, signAndMoved, movedBias, exponent);
      widen(v128.load(u + stride), q, signAndMoved, movedBias, exponent);
      addFour(
        acc,
        bias,
        i64x2.add(low(p, a, magic), low(q, b, magic)),
        i64x2.add(high(p, a, magic), high(q, b, magic)),
      );
      const r = p + 16;
      const s = q + 16;
      addFour(
        acc + 32,
        bias,
        i64x2.add(low(r, a, magic), low(s, b, magic)),
        i64x2.add(high(r, a, magic), high(s, b, magic)),
      );
      u += 16;
      acc += 64;
    } while (u < end);
  }
  for (n &= 7; n > 0; n--, u += 2, acc += 8) {
    const term = reinterpret<i64>(f64(valueOf(load<u16>(u))) * load<f64>(factors) + MAGIC);
    const other = reinterpret<i64>(f64(valueOf(load<u16>(u + stride))) * load<f64>(factors, 8) + MAGIC);
    store<i64>(acc, load<i64>(acc) + term + other - 2 * MAGIC_BITS);
  }
}

/**
 * fold2 of q8. The factors are those of f32 times the scale of each update's shard: value × scale × numExamples has 52
 * bits at most, so nothing is lost by multiplying the whole number itself, and no f32 is made of it.
 */
export function foldQ8(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const b = v128.load64_splat(factors, 8);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-2 * MAGIC_BITS, n));
  const end = u + (n & ~7);
  if (u < end) {
    do {
      const x = v128.load_ext<i8>(u);
      const y = v128.load_ext<i8>(u + stride);
      fourOfQ8(acc, bias, magic, i32x4.extend_low_i16x8_s(x), a, i32x4.extend_low_i16x8_s(y), b);
      fourOfQ8(acc + 32, bias, magic, i32x4.extend_high_i16x8_s(x), a, i32x4.extend_high_i16x8_s(y), b);
      u += 8;
      acc += 64;
    } while (u < end);
  }
  for (n &= 7; n > 0; n--, u++, acc += 8) {
    const term = reinterpret<i64>(f64(load<i8>(u)) * load<f64>(factors) + MAGIC);
    const other = reinterpret<i64>(f64(load<i8>(u + stride)) * load<f64>(factors, 8) + MAGIC);
    store<i64>(acc, load<i64>(acc) + term + other - 2 * MAGIC_BITS);
  }
}

/** Four values of each of two updates, as whole numbers. */
function fourOfQ8(acc: usize, bias: v128, magic: v128, x: v128, a: v128, y: v128, b: v128): void {
  const xHigh = i32x4.shuffle(x, x, 2, 3, 2, 3);
  const yHigh = i32x4.shuffle(y, y, 2, 3, 2, 3);
  addFour(
    acc,
    bias,
    i64x2.add(termsOf(x, a, magic), termsOf(y, b, magic)),
    i64x2.add(termsOf(xHigh, a, magic), termsOf(yHigh, b, magic)),
  );
}

/** round(value × s) + MAGIC_BITS of the first two. */
function termsOf(values: v128, s: v128, magic: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(values), s), magic);
}
