import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { blobsOf, isFinal, type SessionRecord } from '../../core/session.js';
import { withLeftover } from '../../core/transitions.js';
import type { AuditTarget } from '../../protocol/audit.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { RepoDeleted } from '../../protocol/http.js';
import type { AttemptRef } from '../../redis/keys.js';
import { Removal } from '../../redis/removal.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from './cancel-session.js';
import { parameterRefs } from './parameters.js';
import { testSetRefs } from './upload-test-set.js';

const SESSIONS_AT_ONCE = 16;
const BLOBS_AT_ONCE = 500;

/**
 * Deletes a Repo with all that it holds. First nobody gets in, then sessions end, then bytes go and records last: if
 * this breaks off, deleting the Repo again goes on where it stopped.
 * @param writeDown called with what was there once it is gone, and before the Repo's audit trail goes too
 * @throws `repo_not_found`
 */
export async function deleteRepo(
  ctx: GatewayContext,
  repoId: string,
  writeDown: (target: AuditTarget) => Promise<void>,
): Promise<RepoDeleted> {
  const removal = new Removal(ctx.stores.context);
  if (!(await removal.isKnown(repoId)) && (await ctx.stores.repos.find(repoId)) === null)
    throw new CloudNodeError('repo_not_found', `There is no Repo "${repoId}".`);
  // Before the keys are gone: afterwards nobody could say whose connections have to end.
  for (const { keyId } of await ctx.stores.repos.listKeys(repoId))
    await ctx.revocations.revoke({ kind: 'key', repoId, keyId });
  const counted = await removal.count(repoId);
  await removal.shut(repoId);
  await cancelAll(ctx, repoId);
  let versions = 0;
  for (;;) {
    const ids = await removal.sessionIds(repoId, SESSIONS_AT_ONCE);
    if (ids.length === 0) break;
    for (const sessionId of ids) versions += await deleteSession(ctx, removal, { repoId, sessionId });
  }
  const topologies = await deleteModels(ctx, repoId);
  await ctx.blobs.deleteRepo(repoId);
  await removal.removeRest(repoId, topologies);
  const removed = { ...counted, versions };
  const auditHead = await ctx.stores.audit.head(repoId);
  await writeDown({ ...removed, lastSeq: auditHead.seq, lastSha256: auditHead.sha256 });
  await removal.forget(repoId);
  return { deleted: true, removed, auditHead };
}

async function cancelAll(ctx: GatewayContext, repoId: string): Promise<void> {
  for (const { sessionId, state } of await ctx.stores.sessions.active(repoId)) {
    if (isFinal(state)) continue;
    await cancelSession(ctx, { repoId, sessionId }, 'the Repo was deleted').catch((error: unknown) => {
      if (!(error instanceof CloudNodeError) || error.code !== 'session_ended') throw error;
    });
  }
}

async function deleteSession(
  ctx: GatewayContext,
  removal: Removal,
  { repoId, sessionId }: { repoId: string; sessionId: string },
): Promise<number> {
  let versions = 0;
  const stored = await ctx.stores.sessions.find(repoId, sessionId);
  const attempts: AttemptRef[] = [];
  if (stored !== null) {
    for (const { round, attempt } of withLeftover(stored.record)) {
      const at = { repoId, sessionId, round, attempt };
      attempts.push(at);
      await deleteBlobs(ctx, await attemptRefs(ctx, stored.record, at));
    }
    const { geometry } = stored.record;
    for (const entry of await ctx.stores.sessions.versions(repoId, sessionId)) {
      versions += 1;
      const { version, sha256, shards } = entry;
      await deleteBlobs(
        ctx,
        parameterRefs(repoId, { scope: sessionId, version, sha256, shards, ...geometry }),
      );
    }
  }
  await removal.removeSession(repoId, sessionId, attempts);
  await ctx.stores.pool.forget({ repoId, sessionId });
  return versions;
}

/** Bytes of an attempt that is not finished. */
async function attemptRefs(ctx: GatewayContext, session: SessionRecord, at: AttemptRef): Promise<BlobRef[]> {
  const { rounds } = ctx.stores;
  const [receipts, folds, produced] = await Promise.all([
    rounds.receipts(at),
    rounds.folds(at),
    rounds.produced(at),
  ]);
  const ref = (shard: number, name: string): BlobRef => ({
    repoId: at.repoId,
    scope: at.sessionId,
    shard,
    name,
  });
  const updates = Array.from({ length: session.geometry.shardCount }, (_, shard) =>
    blobsOf(receipts.slice(folds.get(shard)?.folded ?? 0)).map((blob) => ref(shard, blob)),
  );
  return [
    ...updates.flat(),
    ...[...folds].map(([shard, { blob }]) => ref(shard, blob)),
    ...[...produced.shards].map(([shard, sha256]) => ref(shard, blobName.parameters(sha256))),
  ];
}

/** @returns the topologies that the models used */
async function deleteModels(ctx: GatewayContext, repoId: string): Promise<string[]> {
  const models = await ctx.stores.models.list(repoId);
  for (const model of models) await deleteBlobs(ctx, parameterRefs(repoId, model.parameters));
  for (const testSet of await ctx.stores.models.listTestSets(repoId))
    await deleteBlobs(ctx, testSetRefs(repoId, testSet));
  return [...new Set(models.map((model) => model.topologySha256))];
}

async function deleteBlobs(ctx: GatewayContext, refs: readonly BlobRef[]): Promise<void> {
  for (let i = 0; i < refs.length; i += BLOBS_AT_ONCE)
    await ctx.blobs.delete(refs.slice(i, i + BLOBS_AT_ONCE));
}
