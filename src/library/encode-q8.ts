import { chooseScale } from '../tensors/q8-scale.js';
import type { RandomBits } from './random-bits.js';

/**
 * One shard: the scale, and each value in steps of it, rounded at random so that the mean is the value. The largest value
 * is 127 steps; nothing is rounded beyond `limit`.
 */
export function encodeQ8(
  values: Float32Array,
  { random, limit }: { readonly random: RandomBits; readonly limit: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + values.length);
  const scale = chooseScale(
    values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
    limit,
  );
  setScale(bytes, scale);
  if (scale === 0) return bytes;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const steps = Math.min(127, Math.floor(Math.abs(value) / scale + random() * 2 ** -32));
    bytes[4 + i] = value < 0 ? -steps : steps;
  }
  return bytes;
}

export function setScale(shard: Uint8Array, scale: number): void {
  new DataView(shard.buffer, shard.byteOffset).setFloat32(0, scale, true);
}
