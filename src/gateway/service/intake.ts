import { randomBytes } from 'node:crypto';
import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { MAX_UPDATE_HEADER_BYTES } from '../../protocol/frame.js';
import { updateHeader, type UpdateHeader, type UpdateAccepted } from '../../protocol/library.js';
import { publishHint } from '../../redis/hints.js';
import type { Committed } from '../../redis/round-store.js';
import { metrics } from '../../telemetry/metrics.js';
import type { GatewayContext } from '../context.js';
import { admitUpdate, type Admitted } from './admit-update.js';
import type { ByteSource } from './byte-source.js';
import { inBackground } from './in-background.js';
import { readHeader } from './read-header.js';
import { receivePieces } from './receive-pieces.js';
import { updatePayload } from './update-payload.js';
import { UpdateRulesCheck } from './update-rules-check.js';

/** So often a coordinator hears of updates before the round is full, to have them folded meanwhile. */
const WAKE_EVERY = 8;

export interface UpdateOrigin {
  readonly repoId: string;
  readonly libraryId: string;
  /** Of the whole frame; null when the sender does not say. */
  readonly contentLength: number | null;
}

/**
 * Takes an update: looks at the lease before the body, checks and stores the body shard by shard, then counts it in one
 * atomic step. It is acknowledged after that step and never before.
 */
export async function receiveUpdate(
  ctx: GatewayContext,
  origin: UpdateOrigin,
  source: ByteSource,
): Promise<UpdateAccepted> {
  try {
    const accepted = await receive(ctx, origin, source);
    metrics.updates.inc({ result: accepted.duplicate ? 'duplicate' : 'accepted' });
    return accepted;
  } catch (error) {
    metrics.updates.inc({ result: error instanceof CloudNodeError ? error.code : 'error' });
    throw error;
  }
}

async function receive(
  ctx: GatewayContext,
  origin: UpdateOrigin,
  source: ByteSource,
): Promise<UpdateAccepted> {
  const { header, payloadAt } = await readHeader(source, updateHeader, MAX_UPDATE_HEADER_BYTES);
  const admission = await admitUpdate(ctx, origin, header);
  if ('duplicate' in admission) return { updateId: header.updateId, ...admission };
  ctx.watermark.check();
  const payload = updatePayload(admission.session);
  if (origin.contentLength !== null && origin.contentLength !== payloadAt + payload.totalBytes)
    throw payload.wrongLength(origin.contentLength - payloadAt);

  const stored: BlobRef[] = [];
  try {
    const uploadId = randomBytes(8).toString('hex');
    await ctx.uploads.run(origin.repoId, () => store(ctx, { source, admission, uploadId, stored }));
    const committed = await commit(ctx, { origin, header, admission, uploadId });
    // This very update was counted meanwhile, from another upload of it.
    if (committed.duplicate) inBackground(ctx, 'free', ctx.blobs.delete(stored));
    else metrics.updateBytes.inc(payload.totalBytes);
    return { updateId: header.updateId, ...committed };
  } catch (error) {
    // Without an answer from Redis the update may have been counted: its bytes end by their time to live.
    if (error instanceof CloudNodeError) inBackground(ctx, 'free', ctx.blobs.delete(stored));
    throw error;
  }
}

async function store(
  ctx: GatewayContext,
  upload: { source: ByteSource; admission: Admitted; uploadId: string; stored: BlobRef[] },
): Promise<void> {
  const { source, admission, uploadId, stored } = upload;
  const { repoId, sessionId, geometry, job } = admission.session;
  const rules = new UpdateRulesCheck(job, geometry.shardParams);
  const payload = updatePayload(admission.session);
  await receivePieces({ source, buffers: ctx.buffers }, payload, async (piece, shard) => {
    rules.checkShard(piece, shard);
    const ref = { repoId, scope: sessionId, shard, name: blobName.update(uploadId) };
    stored.push(ref);
    await ctx.blobs.put(ref, piece, { ttlMs: admission.ttlMs });
  });
  rules.checkNorm();
}

async function commit(
  ctx: GatewayContext,
  update: { origin: UpdateOrigin; header: UpdateHeader; admission: Admitted; uploadId: string },
): Promise<Committed> {
  const { origin, header, admission, uploadId } = update;
  const { updateId, numExamples, metrics: training, evaluation } = header;
  const { at } = admission;
  const committed = await ctx.stores.rounds.commit(at, {
    libraryId: origin.libraryId,
    updateId,
    uploadId,
    numExamples,
    metrics: training,
    evaluation,
  });
  if (!committed.duplicate) {
    const { repoId, sessionId } = at;
    inBackground(ctx, 'session', publishHint(ctx.stores.context, { kind: 'session', repoId, sessionId }));
    const { received, needed } = committed;
    if (received >= needed || received % WAKE_EVERY === 0) inBackground(ctx, 'wake', ctx.queues.wake(at));
  }
  return committed;
}
