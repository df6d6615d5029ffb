import type { UpdateEncoding } from '../../src/core/encoding.js';
import { encodeUpdate } from '../../src/library/encode-update.js';
import { randomBits } from '../../src/library/random-bits.js';
import { decodeUpdate } from '../../src/tensors/encoding.js';
import { SHARD_PARAMS } from '../../src/tensors/sharding.js';

/** The update that every Library of a swarm sends. */
export interface PayloadOptions {
  readonly seed: number;
  /** As f32. */
  readonly bytes: number;
  readonly encoding: UpdateEncoding;
}

/** Small finite values that differ from one another: the worst case for nothing, the ordinary case for folding. */
export function updatePayload({ seed, bytes, encoding }: PayloadOptions): Uint8Array {
  const values = new Float32Array(bytes / 4);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(seed + i * 0.37) * 1e-3;
  const form = { encoding, shardParams: SHARD_PARAMS, maxMagnitude: 1_024, clipNorm: null };
  // The same in every process: the one that computes what the rounds must come to makes it anew.
  return encodeUpdate(values, form, randomBits(Uint32Array.of(seed, 0, 0)));
}

/** What the pool makes of it. */
export function decodedUpdate(options: PayloadOptions): Float32Array {
  return decodeUpdate(updatePayload(options), options.encoding, SHARD_PARAMS);
}

/** Of the Library `lib-<i>`. */
export function examplesOf(i: number): number {
  return 10 + i;
}
