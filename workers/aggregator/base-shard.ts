import { blobName } from '../../src/blobs/blob-store.js';
import type { SessionRecord } from '../../src/core/session.js';
import type { ParametersRef } from '../../src/protocol/model.js';
import { versionParameters } from '../../src/protocol/version-parameters.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** A shard of stored parameters, f32 little-endian; null when its bytes are gone. */
export async function readShard(
  deps: PoolDeps,
  repoId: string,
  { parameters, shard }: { parameters: ParametersRef | null; shard: number },
): Promise<Uint8Array | null> {
  const sha256 = parameters?.shards[shard];
  if (parameters === null || sha256 === undefined) return null;
  return deps.blobs.get({ repoId, scope: parameters.scope, shard, name: blobName.parameters(sha256) });
}

/** Where a version's bytes are: version 0 is the uploaded model, the others belong to the session. */
export async function parametersOf(
  deps: PoolDeps,
  session: SessionRecord,
  version: number,
): Promise<ParametersRef | null> {
  const { repoId, sessionId, job } = session;
  if (version === 0) return (await deps.stores.models.find(repoId, job.modelId))?.parameters ?? null;
  const entry = await deps.stores.sessions.findVersion(repoId, sessionId, version);
  return entry === null ? null : versionParameters(session, entry);
}
