/**
 * The fixed point of a round (Law 4, exact folding): a term is round(delta × numExamples × 2^(g−p)), a 64-bit
 * integer in units of 2^(p−g) delta-examples.
 */
export interface FoldScale {
  /** Binary digits kept after the point of a delta of full weight; negative for very large magnitudes. */
  readonly g: number;
  /** numExamples / 2^p is the weight, at most 1. */
  readonly p: number;
}

export interface FoldLimits {
  /** The largest |delta| an update may hold. */
  readonly maxMagnitude: number;
  /** The largest numExamples of one update. */
  readonly maxExamples: number;
  /** The most updates that are ever summed in the round. */
  readonly maxUpdates: number;
}

/** An f32 has 24 significant bits and this has 29, so delta × numExamples has at most 53: exact in f64. */
export const MAX_EXAMPLES = 2 ** 29 - 1;

/** The largest finite f32 and the smallest positive one: magnitudes outside bound nothing. */
const MAX_F32 = (2 - 2 ** -23) * 2 ** 127;
const MIN_F32 = 2 ** -149;

/** |term| stays below this, so that term + 1.5·2^52 has a unit in the last place of exactly 1. */
const TERM_LIMIT = 2 ** 51;
/** |sum of terms| stays below this: what a signed 64-bit integer holds. */
const SUM_LIMIT = 2 ** 63;

/**
 * The finest scale at which neither a term nor a sum can overflow: p is the smallest with maxExamples <= 2^p, and g
 * the largest with ceil(M·2^g) < 2^51 and K·ceil(M·2^g) < 2^63 (M = maxMagnitude, K = maxUpdates; the ceiling covers
 * the rounding of the term).
 *
 * **Error.** The product delta × numExamples is exact in f64 and so is its multiplication by a power of two, hence
 * each of k <= K terms is off by at most half a unit, 2^(p−g−1), and adding integers is exact. So
 *
 *     |mean − exact mean| <= k · 2^(p−g−1) / Σ numExamples                      (see {@link meanErrorBound})
 *
 * and never more than 2^(p−g−1), as every numExamples is at least 1. For K <= 2^12 the choice of g gives
 * 2^−g <= M·2^−49, so the error is at most M · 2^−49 · c, with c = maxExamples / mean numExamples (2^p < 2·maxExamples):
 * below half an f32 ulp (2^−25 relative) of every parameter larger than M · c · 2^−24.
 *
 * @throws RangeError naming the limit that is out of range.
 */
export function chooseFoldScale({ maxMagnitude, maxExamples, maxUpdates }: FoldLimits): FoldScale {
  if (!(maxMagnitude >= MIN_F32 && maxMagnitude <= MAX_F32)) {
    throw new RangeError(`maxMagnitude is ${maxMagnitude}; it must be a positive f32: 2^-149 to ${MAX_F32}.`);
  }
  requireCount('maxExamples', maxExamples, MAX_EXAMPLES);
  requireCount('maxUpdates', maxUpdates, 2 ** 31 - 1);
  const p = 32 - Math.clz32(maxExamples - 1);
  // A step or two too fine to begin with, so that the rounding of log2 does not matter.
  let g = 52 - Math.floor(Math.log2(maxMagnitude));
  while (!fits(Math.ceil(maxMagnitude * powerOfTwo(g)), maxUpdates)) g -= 1;
  return { g, p };
}

/** The largest error of a mean of `updates` updates, before its rounding to f32 (in units of the delta). */
export function meanErrorBound(scale: FoldScale, updates: number, totalExamples: number): number {
  return (updates * powerOfTwo(scale.p - scale.g - 1)) / totalExamples;
}

/** 2^exponent for −1022 to 1023, from its bits: the same on every engine, which `**` does not promise. */
export function powerOfTwo(exponent: number): number {
  if (!Number.isInteger(exponent) || exponent < -1022 || exponent > 1023) {
    throw new RangeError(
      `2^${exponent} is not a normal f64; the exponent must be an integer from -1022 to 1023.`,
    );
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(exponent + 1023) << 52n);
  return view.getFloat64(0);
}

/** The product may be rounded, but never from at or above 2^63 to below it: 2^63 is itself an f64. */
function fits(term: number, maxUpdates: number): boolean {
  return term < TERM_LIMIT && term * maxUpdates < SUM_LIMIT;
}

function requireCount(name: string, value: number, limit: number): void {
  if (!Number.isInteger(value) || value < 1 || value > limit) {
    throw new RangeError(`${name} is ${value}; it must be an integer from 1 to ${limit}.`);
  }
}
