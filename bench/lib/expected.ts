import { createHash } from 'node:crypto';
import { chooseFoldScale } from '../../src/core/fold-scale.js';
import { rootHash } from '../../src/tensors/hash.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { shardCount, shardSpan } from '../../src/tensors/sharding.js';
import { deltaTowards, seedOf } from './trainer.js';

export interface ExpectedSession {
  readonly weights: Float32Array;
  /** libraryId → numExamples; all of them in every round. */
  readonly libraries: Readonly<Record<string, number>>;
  readonly rounds: number;
  readonly shardParams: number;
  /** What a Library sends in a round: f32. @default as the trainer of the tests */
  readonly delta?: (global: Float32Array, libraryId: string) => Float32Array;
}

/** What a session must come to, computed here in one thread: no pool, no Redis, no network. */
export async function expectedSha256({
  weights,
  libraries,
  rounds,
  shardParams,
  delta = (global, libraryId) => deltaTowards(global, seedOf(libraryId)),
}: ExpectedSession): Promise<string> {
  let global = weights;
  const entries = Object.entries(libraries);
  const totalExamples = entries.reduce((sum, [, numExamples]) => sum + numExamples, 0);
  const scale = chooseFoldScale({
    maxMagnitude: 1_024,
    maxExamples: Math.max(...entries.map(([, numExamples]) => numExamples)),
    maxUpdates: entries.length,
  });
  const folder = new ShardFolder(weights.length);
  for (let round = 1; round <= rounds; round++) {
    folder.reset(weights.length);
    const updates = entries.map(([id, numExamples]) => {
      const { buffer, byteOffset, byteLength } = delta(global, id);
      return { bytes: new Uint8Array(buffer, byteOffset, byteLength), numExamples };
    });
    folder.add(updates, scale);
    global = new Float32Array(
      folder.finish(new Uint8Array(global.buffer), { scale, totalExamples }).slice().buffer,
    );
  }
  const hashes = Array.from({ length: shardCount(weights.length, shardParams) }, (_, shard) => {
    const { start, length } = shardSpan(weights.length, shardParams, shard);
    return createHash('sha256')
      .update(new Uint8Array(global.buffer, start * 4, length * 4))
      .digest('hex');
  });
  return rootHash(hashes);
}
