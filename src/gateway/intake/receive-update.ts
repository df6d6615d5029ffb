import { CloudNodeError } from '../../protocol/errors.js';
import { MAX_UPDATE_HEADER_BYTES } from '../../protocol/frame.js';
import { updateHeader, type UpdateAccepted, type UpdateHeader } from '../../protocol/library.js';
import type { Committed } from '../../redis/round-store.js';
import { metrics } from '../../telemetry/metrics.js';
import { traceUpdate, type RequestTrace } from '../../telemetry/round-trace.js';
import type { By } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { admitUpdate } from './admit-update.js';
import type { ByteSource } from './byte-source.js';
import { readHeader } from './read-header.js';
import { receivePieces } from './receive-pieces.js';
import { storeUpdate } from './store-update.js';
import type { NewReceipt } from './group-member.js';
import type { Seat } from './update-groups.js';
import type { Incoming } from './incoming.js';
import { updatePayload } from './update-payload.js';
import { UpdateRulesCheck } from './update-rules-check.js';

export interface UpdateOrigin {
  readonly repoId: string;
  readonly libraryId: string;
  readonly by: By;
  /** Of the whole frame; null when the sender does not say. */
  readonly contentLength: number | null;
  /** That brought it; only where there are traces. */
  readonly request?: RequestTrace | undefined;
}

/**
 * Takes an update: looks at the lease before the body, checks the body shard by shard, stores it (most often in a sum
 * with others), then counts it in one atomic step. It is acknowledged after that step and never before.
 */
export async function receiveUpdate(
  ctx: GatewayContext,
  origin: UpdateOrigin,
  source: ByteSource,
): Promise<UpdateAccepted> {
  metrics.uploads.inc();
  try {
    const accepted = await receive(ctx, origin, source);
    metrics.updates.inc({ result: accepted.duplicate ? 'duplicate' : 'accepted' });
    return accepted;
  } catch (error) {
    metrics.updates.inc({ result: error instanceof CloudNodeError ? error.code : 'error' });
    throw error;
  } finally {
    metrics.uploads.dec();
  }
}

async function receive(
  ctx: GatewayContext,
  origin: UpdateOrigin,
  source: ByteSource,
): Promise<UpdateAccepted> {
  const { header, payloadAt } = await readHeader(source, updateHeader, MAX_UPDATE_HEADER_BYTES);
  const { updateId } = header;
  const admission = await admitUpdate(ctx, origin, header);
  if ('duplicate' in admission) return { updateId, ...admission };
  ctx.watermark.check();
  const payload = updatePayload(admission.session);
  const { totalBytes } = payload;
  if (origin.contentLength !== null && origin.contentLength !== payloadAt + totalBytes)
    throw payload.wrongLength(origin.contentLength - payloadAt);
  const receipt = receiptOf(origin, header);
  const committed = await traceUpdate(admission.at, { request: origin.request, bytes: totalBytes }, () =>
    ctx.groups.run(ctx, admission, (seat) =>
      seat === null
        ? storeUpdate(ctx, { admission, receipt, source, payload })
        : joinGroup(ctx, seat, { admission, receipt, source, payload }),
    ),
  );
  if (!committed.duplicate) {
    metrics.updateBytes.inc(totalBytes);
    const { repoId, libraryId, by } = origin;
    const target = { libraryId, sessionId: header.sessionId };
    ctx.audit.library(by, { repoId, action: 'update.received', target });
  }
  return { updateId, ...committed };
}

/** Into memory, checked there, and from there into the sum of its group. */
async function joinGroup(ctx: GatewayContext, { group, place }: Seat, update: Incoming): Promise<Committed> {
  const rules = new UpdateRulesCheck(ctx.intake.kernels, update.admission.session);
  try {
    const from = { source: update.source, place };
    await receivePieces(from, update.payload, (piece) => rules.checkShard(piece));
    rules.checkNorm();
  } catch (error) {
    place.release();
    throw error;
  }
  return group.add(update.receipt, place);
}

function receiptOf({ libraryId }: UpdateOrigin, header: UpdateHeader): NewReceipt {
  const { updateId, numExamples, metrics: training, evaluation } = header;
  return { libraryId, updateId, numExamples, metrics: training, evaluation };
}
