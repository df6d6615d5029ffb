/**
 * Folding turns `delta × s` (exact in f64, see src/core/fold-scale.ts) into an integer with one addition: for
 * |t| <= 2^51 the sum t + 1.5·2^52 lies in [2^52, 2^53], where the unit in the last place is 1 and the bit pattern is
 * MAGIC_BITS + round(t), ties to even. Integer addition wraps, so MAGIC_BITS of all terms of a pass is taken off at once.
 */

export const MAGIC: f64 = 6755399441055744.0; // 1.5 × 2^52
export const MAGIC_BITS: i64 = 0x4338000000000000;

/** round(x × s) + MAGIC_BITS of two values: the eight bytes at `at`. */
export function low(at: usize, s: v128, magic: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(at)), s), magic);
}

/** The same of the next two. The offset is part of the load, so addresses are computed once for both. */
export function high(at: usize, s: v128, magic: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(at, 8)), s), magic);
}

/** Adds round(value × s) to one value of `acc`: of what vectors leave over. */
export function addTerm(acc: usize, value: f64, s: f64): void {
  const term = reinterpret<i64>(value * s + MAGIC) - MAGIC_BITS;
  store<i64>(acc, load<i64>(acc) + term);
}

/** Adds to four values of `acc` what a pass has for the first two and the last two. */
export function addFour(acc: usize, bias: v128, first: v128, last: v128): void {
  v128.store(acc, i64x2.add(i64x2.add(v128.load(acc), bias), first));
  v128.store(acc, i64x2.add(i64x2.add(v128.load(acc, 16), bias), last), 16);
}
