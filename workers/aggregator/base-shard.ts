import { blobName } from '../../src/blobs/blob-store.js';
import type { SessionRecord } from '../../src/core/session.js';
import type { ParametersRef } from '../../src/protocol/model.js';
import type { WorkerDeps } from '../deps.js';

/** A shard of the version that the session has now, f32 little-endian; null when its bytes are gone. */
export async function baseShard(
  deps: WorkerDeps,
  session: SessionRecord,
  shard: number,
): Promise<Uint8Array | null> {
  const parameters = await parametersOf(deps, session, session.version);
  const sha256 = parameters?.shards[shard];
  if (parameters === null || sha256 === undefined) return null;
  return deps.blobs.get({
    repoId: session.repoId,
    scope: parameters.scope,
    shard,
    name: blobName.parameters(sha256),
  });
}

/** Where a version's bytes are: version 0 is the uploaded model, the others belong to the session. */
export async function parametersOf(
  deps: WorkerDeps,
  session: SessionRecord,
  version: number,
): Promise<ParametersRef | null> {
  const { repoId, sessionId, job, geometry } = session;
  if (version === 0) return (await deps.stores.models.find(repoId, job.modelId))?.parameters ?? null;
  const entry = await deps.stores.sessions.findVersion(repoId, sessionId, version);
  if (entry === null) return null;
  const { shardParams, paramCount } = geometry;
  return { scope: sessionId, version, sha256: entry.sha256, shards: entry.shards, shardParams, paramCount };
}
