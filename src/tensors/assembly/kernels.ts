/**
 * The tensor kernels, in AssemblyScript (not TypeScript: compiled by scripts/build-kernels.mjs, never by tsc).
 *
 * Raw pointers into an imported memory, no runtime, no allocation, no data segment. Every loop takes what fits the
 * vectors first and finishes element by element, so any length works, and every result depends on its input bytes
 * alone: WASM floating point is IEEE 754 without fused or reordered operations.
 */

import { loopConstant } from './loop-constant';
import { addFour, high, low, MAGIC, MAGIC_BITS } from './terms';

export { decodeF16, decodeQ8, encodeF16 } from './encodings';
export { scan, scanF16 } from './scan';

/** Both again for four updates, `stride` bytes apart, added up. */
function low4(u: usize, stride: usize, a: v128, b: v128, c: v128, d: v128, magic: v128): v128 {
  const v = u + stride;
  const w = v + stride;
  const x = w + stride;
  return i64x2.add(
    i64x2.add(low(u, a, magic), low(v, b, magic)),
    i64x2.add(low(w, c, magic), low(x, d, magic)),
  );
}

function high4(u: usize, stride: usize, a: v128, b: v128, c: v128, d: v128, magic: v128): v128 {
  const v = u + stride;
  const w = v + stride;
  const x = w + stride;
  return i64x2.add(
    i64x2.add(high(u, a, magic), high(v, b, magic)),
    i64x2.add(high(w, c, magic), high(x, d, magic)),
  );
}

/** What the vectors of a pass over `updates` updates leave over: up to three values, one by one. */
function rests(acc: usize, u: usize, stride: usize, n: usize, factors: usize, updates: usize): void {
  for (let k: usize = 0; k < updates; k++) {
    const s = load<f64>(factors + (k << 3));
    for (let i: usize = 0; i < n; i++) {
      const term = reinterpret<i64>(f64(load<f32>(u + (i << 2))) * s + MAGIC) - MAGIC_BITS;
      store<i64>(acc + (i << 3), load<i64>(acc + (i << 3)) + term);
    }
    u += stride;
  }
}

/*
 * foldK: acc[i] += round(u0[i] × s0) + … for K updates in one pass, so that the traffic of `acc` is shared by them.
 * `stride` bytes lie between one update and the next; `factors` points to K f64; `n` counts values.
 */

export function fold1(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-MAGIC_BITS, n));
  const end = u + ((n & ~3) << 2);
  if (u < end) {
    do {
      addFour(acc, bias, low(u, a, magic), high(u, a, magic));
      u += 16;
      acc += 32;
    } while (u < end);
  }
  rests(acc, u, stride, n & 3, factors, 1);
}

export function fold2(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const b = v128.load64_splat(factors, 8);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-2 * MAGIC_BITS, n));
  const end = u + ((n & ~3) << 2);
  if (u < end) {
    do {
      const v = u + stride;
      addFour(
        acc,
        bias,
        i64x2.add(low(u, a, magic), low(v, b, magic)),
        i64x2.add(high(u, a, magic), high(v, b, magic)),
      );
      u += 16;
      acc += 32;
    } while (u < end);
  }
  rests(acc, u, stride, n & 3, factors, 2);
}

export function fold4(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const b = v128.load64_splat(factors, 8);
  const c = v128.load64_splat(factors, 16);
  const d = v128.load64_splat(factors, 24);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-4 * MAGIC_BITS, n));
  const end = u + ((n & ~3) << 2);
  if (u < end) {
    do {
      addFour(acc, bias, low4(u, stride, a, b, c, d, magic), high4(u, stride, a, b, c, d, magic));
      u += 16;
      acc += 32;
    } while (u < end);
  }
  rests(acc, u, stride, n & 3, factors, 4);
}

export function fold8(acc: usize, u: usize, stride: usize, n: usize, factors: usize): void {
  const a = v128.load64_splat(factors);
  const b = v128.load64_splat(factors, 8);
  const c = v128.load64_splat(factors, 16);
  const d = v128.load64_splat(factors, 24);
  const e = v128.load64_splat(factors, 32);
  const f = v128.load64_splat(factors, 40);
  const g = v128.load64_splat(factors, 48);
  const h = v128.load64_splat(factors, 56);
  const magic = i64x2.splat(loopConstant<i64>(MAGIC_BITS, n));
  const bias = i64x2.splat(loopConstant<i64>(-8 * MAGIC_BITS, n));
  const end = u + ((n & ~3) << 2);
  if (u < end) {
    do {
      const y = u + 4 * stride;
      const first = i64x2.add(low4(u, stride, a, b, c, d, magic), low4(y, stride, e, f, g, h, magic));
      const last = i64x2.add(high4(u, stride, a, b, c, d, magic), high4(y, stride, e, f, g, h, magic));
      addFour(acc, bias, first, last);
      u += 16;
      acc += 32;
    } while (u < end);
  }
  rests(acc, u, stride, n & 3, factors, 8);
}

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
