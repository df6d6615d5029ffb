import { blobName } from '../../src/blobs/blob-store.js';
import type { ParametersRef } from '../../src/protocol/model.js';
import { shardSpan } from '../../src/tensors/sharding.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** A whole version as one vector: an evaluator needs the model in memory anyway. Null when a shard is gone. */
export async function loadParameters(
  deps: PoolDeps,
  repoId: string,
  parameters: ParametersRef,
): Promise<Float32Array | null> {
  const { scope, shards, shardParams, paramCount } = parameters;
  const flat = new Float32Array(paramCount);
  const bytes = new Uint8Array(flat.buffer);
  for (const [shard, sha256] of shards.entries()) {
    const piece = await deps.blobs.get({ repoId, scope, shard, name: blobName.parameters(sha256) });
    if (piece === null) return null;
    bytes.set(piece, shardSpan(paramCount, shardParams, shard).start * 4);
    deps.blobs.giveBack?.(piece);
  }
  return flat;
}
