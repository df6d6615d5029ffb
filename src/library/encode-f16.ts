import type { RandomBits } from './random-bits.js';

/** 2^-14 as the bits of an f32: below it, f16 are multiples of 2^-24. */
const SMALLEST_NORMAL_BITS = 0x3880_0000;
/** What the exponent of an f32 has more than that of an f16, in its bits. */
const BIAS_BITS = 0x3800_0000;
const SPARE_BITS = 13;

/**
 * Rounds to f16 at random: to one of the two neighbours, with the probabilities whose mean is the value. Nothing is
 * rounded beyond `limit`.
 * @param random null: towards zero instead
 */
export function encodeF16(
  values: Float32Array,
  { random, limit }: { readonly random: RandomBits | null; readonly limit: number },
): Uint8Array<ArrayBuffer> {
  const scratch = new Float32Array(1);
  const scratchBits = new Uint32Array(scratch.buffer);
  const halfOf = (value: number, draw: number): number => {
    scratch[0] = value;
    const bits = scratchBits[0] ?? 0;
    const magnitude = bits & 0x7fff_ffff;
    // A carry out of the mantissa goes into the exponent, which is the next f16.
    const rounded =
      magnitude >= SMALLEST_NORMAL_BITS
        ? (magnitude - BIAS_BITS + (draw >>> (32 - SPARE_BITS))) >>> SPARE_BITS
        : Math.floor(Math.abs(value) * 2 ** 24 + draw * 2 ** -32);
    return rounded | ((bits >>> 16) & 0x8000);
  };
  const largest = halfOf(limit, 0);
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    const half = halfOf(values[i] ?? 0, random === null ? 0 : random());
    view.setUint16(i * 2, (half & 0x8000) | Math.min(half & 0x7fff, largest), true);
  }
  return bytes;
}
