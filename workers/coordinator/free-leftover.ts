import { blobName, type BlobRef } from '../../src/blobs/blob-store.js';
import { blobsOf, type Leftover, type SessionRecord } from '../../src/core/session.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';
import { attemptOf } from './load-snapshot.js';

const DELETE_AT_ONCE = 500;

/**
 * Frees what an attempt left: updates that were not folded, partials, and shards that no version uses.
 * Uploads that were never committed end by their own time to live.
 */
export async function freeLeftover(
  deps: PoolDeps,
  session: SessionRecord,
  leftover: Leftover,
): Promise<void> {
  const at = attemptOf(session, { number: leftover.round, attempt: leftover.attempt });
  const { rounds } = deps.stores;
  const [receipts, folds, { shards }] = await Promise.all([
    rounds.receipts(at),
    rounds.folds(at),
    rounds.produced(at),
  ]);
  const ref = (shard: number, name: string): BlobRef => ({
    repoId: session.repoId,
    scope: session.sessionId,
    shard,
    name,
  });
  // Many at a time: an object store takes as long for one as for a thousand.
  let refs: BlobRef[] = [];
  for (let shard = 0; shard < session.geometry.shardCount; shard++) {
    const pointer = folds.get(shard);
    const names = blobsOf(receipts.slice(pointer?.folded ?? 0));
    if (pointer !== undefined) names.push(pointer.blob);
    refs.push(...names.map((name) => ref(shard, name)));
    if (refs.length < DELETE_AT_ONCE) continue;
    await deps.blobs.delete(refs);
    refs = [];
  }
  await deps.blobs.delete(refs);
  await dropUnused(
    deps,
    session,
    [...shards].map(([shard, sha256]) => ref(shard, blobName.parameters(sha256))),
  );
  await dropVersions(deps, session);
  await rounds.clear(at);
}

/** Versions to keep: checkpoints, the best, and the last few: a slow Library may still read one, the evaluator score one. */
const KEEP_LAST = 4;

function isKept(session: SessionRecord, version: number): boolean {
  return (
    version % session.job.checkpointEvery === 0 ||
    version === session.best?.version ||
    version > session.version - KEEP_LAST
  );
}

async function dropVersions(deps: PoolDeps, session: SessionRecord): Promise<void> {
  const { stores } = deps;
  const { repoId, sessionId } = session;
  const versions = await stores.sessions.versions(repoId, sessionId);
  const dropped = versions.filter((entry) => !isKept(session, entry.version));
  for (const entry of dropped) {
    await stores.sessions.dropVersion(repoId, sessionId, entry.version);
    const refs = entry.shards.map((sha256, shard) => ({
      repoId,
      scope: sessionId,
      shard,
      name: blobName.parameters(sha256),
    }));
    await dropUnused(deps, session, refs);
  }
}

/** Shards are content-addressed, so two versions may share one. */
async function dropUnused(
  deps: PoolDeps,
  { repoId, sessionId }: SessionRecord,
  refs: readonly BlobRef[],
): Promise<void> {
  const versions = await deps.stores.sessions.versions(repoId, sessionId);
  const used = new Set(
    versions.flatMap((entry) =>
      entry.shards.map((sha256, shard) => `${shard} ${blobName.parameters(sha256)}`),
    ),
  );
  await deps.blobs.delete(refs.filter((ref) => !used.has(`${ref.shard} ${ref.name}`)));
}
