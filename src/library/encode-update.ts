import type { UpdateEncoding } from '../core/encoding.js';
import { decodeShard, payloadBytes, shardsOf } from '../tensors/encoding.js';
import { readScale, roundDown } from '../tensors/q8-scale.js';
import { l2Norm } from './delta.js';
import { encodeF16 } from './encode-f16.js';
import { encodeQ8, setScale } from './encode-q8.js';
import { randomBits, type RandomBits } from './random-bits.js';

export interface UpdateForm {
  readonly encoding: UpdateEncoding;
  readonly shardParams: number;
  readonly maxMagnitude: number;
  readonly clipNorm: number | null;
}

/**
 * The payload of an update. Rounding is random and fair, so the mean of many updates is that of the deltas; and it never
 * leaves the bounds that the delta keeps. Random rounding makes a vector longer on the whole: one that comes out above
 * `clipNorm` is made shorter by what that costs least, smaller scales (q8) or rounding towards zero (f16).
 */
export function encodeUpdate(
  delta: Float32Array,
  form: UpdateForm,
  random: RandomBits = randomBits(),
): Uint8Array {
  const { encoding, shardParams, clipNorm } = form;
  if (encoding === 'f32') return new Uint8Array(delta.buffer, delta.byteOffset, delta.byteLength);
  const options = { random, limit: form.maxMagnitude };
  if (encoding === 'f16') {
    const payload = encodeF16(delta, options);
    const isLong = clipNorm !== null && l2Norm(decodeShard(payload, 'f16')) > clipNorm;
    return isLong ? encodeF16(delta, { ...options, random: null }) : payload;
  }
  const geometry = { paramCount: delta.length, shardParams };
  const payload = new Uint8Array(payloadBytes('q8', geometry));
  for (let start = 0, at = 0; start < delta.length; start += shardParams) {
    const shard = encodeQ8(delta.subarray(start, start + shardParams), options);
    payload.set(shard, at);
    at += shard.length;
  }
  if (clipNorm !== null) clipScales(payload, { shardParams, clipNorm });
  return payload;
}

/** Makes all scales smaller by the same factor if the update is longer than `clipNorm`: its direction stays. */
function clipScales(
  payload: Uint8Array,
  { shardParams, clipNorm }: { shardParams: number; clipNorm: number },
): void {
  const shards = shardsOf(payload, 'q8', shardParams);
  const norm = Math.hypot(...shards.map((shard) => l2Norm(decodeShard(shard, 'q8'))));
  if (!(norm > clipNorm)) return;
  // A hair shorter, for the rounding of this very sum.
  const factor = (clipNorm / norm) * (1 - 2 ** -40);
  for (const shard of shards) setScale(shard, roundDown(readScale(shard) * factor));
}
