import type { RoundRecord, SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Assignment } from '../../protocol/library.js';
import type { DownloadRef, ParametersRef } from '../../protocol/model.js';
import { redisNowMs } from '../../redis/context.js';
import type { GatewayContext } from '../context.js';
import { findParameters } from './parameters.js';

/** What all Libraries of a round are told alike. */
type Offer = Omit<Assignment, 'state'>;

/** Made once for all that ask in one turn of the event loop: after a hint that is nearly everybody. */
export function offerOf(ctx: GatewayContext, session: SessionRecord, round: RoundRecord): Promise<Offer> {
  // The same text of a session is the same record (parse-record.ts).
  return ctx.offers.read(session, () => describe(ctx, session, round));
}

async function describe(ctx: GatewayContext, session: SessionRecord, round: RoundRecord): Promise<Offer> {
  const { repoId, sessionId, job, version } = session;
  const [parameters, model, nowMs] = await Promise.all([
    findParameters(ctx, session, version),
    ctx.stores.models.get(repoId, job.modelId),
    redisNowMs(ctx.stores.context, repoId),
  ]);
  const { every, on } = job.evaluation;
  return {
    sessionId,
    round: round.number,
    attempt: round.attempt,
    repoId,
    jobName: job.name,
    datasetId: job.datasetId,
    hyperparams: job.hyperparams,
    clipNorm: job.privacy.clipNorm,
    maxMagnitude: job.update.maxMagnitude,
    encoding: job.update.encoding,
    evaluate: (on === 'libraries' || on === 'both') && version % every === 0,
    version,
    parameters,
    download: await findDownload(ctx, session, parameters),
    topologySha256: model.topologySha256,
    remainingMs: Math.max(0, round.deadlineMs - nowMs),
  };
}

/** A version that f16 does not reach is downloaded as f32: training goes on. */
async function findDownload(
  ctx: GatewayContext,
  { repoId, job }: SessionRecord,
  parameters: ParametersRef,
): Promise<DownloadRef | null> {
  if (job.downloadEncoding !== 'f16') return null;
  try {
    return await ctx.halves.ref(repoId, parameters);
  } catch (error) {
    if (error instanceof CloudNodeError && !error.retryable) return null;
    throw error;
  }
}
