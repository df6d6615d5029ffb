import { randomBytes } from 'node:crypto';
import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Committed } from '../../redis/round-store.js';
import { announceUpdates } from './announce-updates.js';
import { inBackground } from '../service/in-background.js';
import type { Incoming } from './incoming.js';
import type { Place } from './intake-memory.js';
import { UPLOAD_WAIT_MS } from '../service/keep-upload.js';
import { placeBytes, receivePieces } from './receive-pieces.js';
import { UpdateRulesCheck } from './update-rules-check.js';
import type { IntakeDeps } from './intake-deps.js';

/**
 * The way of an update that the memory has no room for: its shards go to the store as they come, and the aggregators
 * fold them. @throws `rate_limited`, and what `RoundStore.commit` finds
 */
export async function storeUpdate(ctx: IntakeDeps, update: Incoming): Promise<Committed> {
  const { admission, receipt, payload } = update;
  const { repoId } = admission.session;
  const stored: BlobRef[] = [];
  const blob = blobName.update(randomBytes(8).toString('hex'));
  const place = await ctx.intake.require(repoId, placeBytes(payload), UPLOAD_WAIT_MS);
  try {
    await storeShards(ctx, update, { place, blob, stored }).finally(() => place.release());
    const outcome = await ctx.stores.rounds.commit(admission.at, { ...receipt, blob });
    const { duplicate, received, needed } = outcome;
    // Or this very update was counted meanwhile, from another upload of it.
    if (duplicate) inBackground(ctx, 'free', ctx.blobs.delete(stored));
    else announceUpdates(ctx, admission.at, outcome);
    return { duplicate, received, needed };
  } catch (error) {
    // Without an answer from Redis the update may have been counted: its bytes end by their time to live.
    if (error instanceof CloudNodeError) inBackground(ctx, 'free', ctx.blobs.delete(stored));
    throw error;
  }
}

async function storeShards(
  ctx: IntakeDeps,
  { admission, source, payload }: Incoming,
  to: { place: Place; blob: string; stored: BlobRef[] },
): Promise<void> {
  const { repoId, sessionId } = admission.session;
  const rules = new UpdateRulesCheck(ctx.intake.kernels, admission.session);
  await receivePieces({ source, place: to.place }, payload, async (piece) => {
    await rules.checkShard(piece);
    const ref = { repoId, scope: sessionId, shard: piece.index, name: to.blob };
    to.stored.push(ref);
    await ctx.blobs.put(ref, piece.bytes, { ttlMs: admission.ttlMs });
  });
  rules.checkNorm();
}
