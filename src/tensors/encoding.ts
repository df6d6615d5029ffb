import { encodingLayout, shardBytes, type UpdateEncoding } from '../core/encoding.js';
import { readScale } from './q8-scale.js';

export { payloadBytes, shardBytes } from '../core/encoding.js';

/** A shard as f32, exactly: what folding and scanning see, without WebAssembly. */
export function decodeShard(bytes: Uint8Array, encoding: UpdateEncoding): Float32Array<ArrayBuffer> {
  const { headBytes, valueBytes } = encodingLayout(encoding);
  // A copy, since views must be aligned.
  const { buffer } = new Uint8Array(bytes.subarray(headBytes));
  if (buffer.byteLength % valueBytes !== 0) {
    throw new RangeError(`${bytes.length} bytes are no shard of ${encoding}.`);
  }
  if (encoding === 'f32') return new Float32Array(buffer);
  if (encoding === 'f16') return decodeF16(new Uint16Array(buffer));
  const scale = readScale(bytes);
  return Float32Array.from(new Int8Array(buffer), (value) => value * scale);
}

/** The shards of an update's payload, as they were sent. */
export function shardsOf(payload: Uint8Array, encoding: UpdateEncoding, shardParams: number): Uint8Array[] {
  const bytes = shardBytes(encoding, shardParams);
  return Array.from({ length: Math.ceil(payload.length / bytes) }, (_, shard) =>
    payload.subarray(shard * bytes, (shard + 1) * bytes),
  );
}

/** The payload of an update as f32, exactly. */
export function decodeUpdate(
  payload: Uint8Array,
  encoding: UpdateEncoding,
  shardParams: number,
): Float32Array<ArrayBuffer> {
  const shards = shardsOf(payload, encoding, shardParams).map((shard) => decodeShard(shard, encoding));
  const values = new Float32Array(shards.reduce((sum, { length }) => sum + length, 0));
  shards.forEach((shard, i) => values.set(shard, i * shardParams));
  return values;
}

function decodeF16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] ?? 0;
    const magnitude = half & 0x7fff;
    const sign = (half & 0x8000) << 16;
    // A subnormal f16 is a multiple of 2^-24; the exponent of a normal one moves by 127 - 15; above are infinity and NaN.
    if (magnitude < 0x400) values[i] = magnitude * 2 ** -24;
    else bits[i] = (magnitude << 13) + (magnitude < 0x7c00 ? 0x3800_0000 : 0x7000_0000);
    bits[i] = (bits[i] ?? 0) | sign;
  }
  return values;
}
