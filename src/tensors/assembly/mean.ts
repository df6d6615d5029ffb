/** From sums to the next parameters. */

/** acc[i] += other[i] for `n` 64-bit integers. */
export function merge(acc: usize, other: usize, n: usize): void {
  const end = acc + (n << 3);
  const vectorEnd = acc + ((n & ~3) << 3);
  for (; acc < vectorEnd; acc += 32, other += 32) {
    v128.store(acc, i64x2.add(v128.load(acc), v128.load(other)));
    v128.store(acc, i64x2.add(v128.load(acc, 16), v128.load(other, 16)), 16);
  }
  for (; acc < end; acc += 8, other += 8) store<i64>(acc, load<i64>(acc) + load<i64>(other));
}

/**
 * mean = (f64(acc[i]) × unit) / total; x[i] = f32(f64(x[i]) + rate × mean), in place, for `n` values.
 *
 * Written as x − rate × (0 − mean), which is the same number, and leaves −0 as it is where the sum is zero: −0 − 0 is
 * −0, but −0 + 0 is 0. So what nobody trains comes back bit by bit.
 */
export function finish(acc: usize, x: usize, n: usize, unit: f64, total: f64, rate: f64): void {
  const zeros = f64x2.splat(0);
  const units = f64x2.splat(unit);
  const totals = f64x2.splat(total);
  const rates = f64x2.splat(rate);
  const end = x + (n << 2);
  const vectorEnd = x + ((n & ~1) << 2);
  for (; x < vectorEnd; x += 8, acc += 16) {
    const sums = f64x2.replace_lane(f64x2.splat(f64(load<i64>(acc))), 1, f64(load<i64>(acc, 8)));
    const back = f64x2.sub(zeros, f64x2.div(f64x2.mul(sums, units), totals));
    const next = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(x)), f64x2.mul(back, rates));
    v128.store64_lane(x, f32x4.demote_f64x2_zero(next), 0);
  }
  if (x < end) {
    const back = 0.0 - (f64(load<i64>(acc)) * unit) / total;
    store<f32>(x, f32(f64(load<f32>(x)) - back * rate));
  }
}
