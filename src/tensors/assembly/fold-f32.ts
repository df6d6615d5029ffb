/** Folding of f32. */

import { loopConstant } from './loop-constant';
import { addFour, addTerm, high, low, MAGIC_BITS } from './terms';

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
    for (let i: usize = 0; i < n; i++) addTerm(acc + (i << 3), f64(load<f32>(u + (i << 2))), s);
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
