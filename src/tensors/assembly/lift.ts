/**
 * What to add to values so that multiplying them by s rounds to whole numbers.
 *
 * MAGIC is added to x × s because the unit in the last place is 1 there. Here lift is added to x, and (x + lift) × s is
 * there as well, if lift × s is near MAGIC. It is rounded once, and to round(x × s) + lift × s, if x + lift is exact and
 * lift × s is an even integer (even, for ties). Hence the bits of the product are those of lift × s plus round(x × s).
 */

import { MAGIC } from './terms';

/** What turns the lifted values, which are times 2^-1008, into bits: products are in units of 2^-60. */
export const FROM_LIFTED: f64 = 2.379227053564453e285; // 2^948

/** 2^exponent */
function power(exponent: i64): f64 {
  return reinterpret<f64>((exponent + 1023) << 52);
}

/**
 * The lift of `s` = numExamples × 2^(g-p) for f16, times 2^-1008; 0 when none is exact: below 2^25 (a weight below
 * 2^(25-g), 1/32768 with a maxMagnitude of 1024), and from 2^66 on (a maxMagnitude below 2^-14).
 *
 * It is the multiple of 2 / (the last bit of s) that is next to MAGIC / s. So lift × s is even, and, since s has 29 bits at
 * most, 2^29 from MAGIC at most; and a term is at most 2^51 - 2^40, as an f16 has 11 bits: every product is where the unit
 * in the last place is 1. The sum is below 2^53 times that step. Where the step is coarser than 2^-24, of which every f16
 * is a multiple, s >= 2^25 keeps the sum below 2^28, so that 53 bits reach to 2^-24. With s < 2^66 neither the lift is
 * subnormal nor any sum.
 */
export function liftOf(s: f64): f64 {
  const bits = reinterpret<i64>(s);
  const exponent = (bits >> 52) - 1023;
  if (exponent < 25 || exponent >= 66) return 0;
  const lastBit = exponent - 52 + ctz<i64>((bits & 0x000fffffffffffff) | 0x0010000000000000);
  const step = power(1 - lastBit);
  return nearest<f64>(MAGIC / s / step) * step * power(-1008);
}
