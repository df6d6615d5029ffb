/**
 * The scale of q8 has at most 16 significant bits: the last 8 bits of its f32 are zero. A value has at most 7, so value ×
 * scale is exactly an f32, and times numExamples (29 bits) it is exact in f64: nothing is lost by folding it (Law 4).
 */
const SPARE_BITS = 8;
const STEP = 1 << SPARE_BITS;

const scratch = new DataView(new ArrayBuffer(4));

/** The scale of a q8 shard: its first four bytes. */
export function readScale(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(0, true);
}

/** What is wrong with the scale at the beginning of a q8 shard, in words for the sender; null when nothing is. */
export function scaleFault(shard: Uint8Array): string | null {
  const scale = readScale(shard);
  if (!Number.isFinite(scale)) return `its scale is ${scale}; it must be finite`;
  if (scale < 0 || Object.is(scale, -0)) return `its scale is ${scale}; it must not be negative`;
  if (bitsOf(scale) % STEP !== 0)
    return `its scale ${scale} has more than 16 significant bits: the last ${SPARE_BITS} of its f32 must be zero`;
  return null;
}

/** The smallest scale with which 127 steps reach `maxAbs`, or the largest with which they stay within `limit`. */
export function chooseScale(maxAbs: number, limit = Infinity): number {
  const scale = roundUp(maxAbs / 127);
  return scale * 127 <= limit ? scale : roundDown(limit / 127);
}

/** The largest scale that is at most `value`. */
export function roundDown(value: number): number {
  const bits = bitsOf(value);
  // Conversion to f32 may have gone up.
  const below = fromBits(bits) > value ? bits - 1 : bits;
  return fromBits(below - (below % STEP));
}

function roundUp(value: number): number {
  const down = roundDown(value);
  return down === value ? down : fromBits(bitsOf(down) + STEP);
}

/** Of the nearest f32; ordered like the values, since none is negative. */
function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

function fromBits(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}
