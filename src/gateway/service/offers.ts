import type { RoundRecord, SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Assignment } from '../../protocol/library.js';
import type { DownloadRef, ParametersRef } from '../../protocol/model.js';
import { redisNowMs } from '../../redis/context.js';
import { SharedReads } from '../../redis/shared-reads.js';
import type { Stores } from '../../redis/stores.js';
import type { HalfParameters } from './half-parameters.js';
import { findParameters } from './parameters.js';

interface OfferDeps {
  readonly stores: Stores;
  readonly halves: HalfParameters;
}

/** What all Libraries of a round are told alike. */
export type Offer = Omit<Assignment, 'state'>;

/** Made once for all that ask in one turn of the event loop: after a hint that is everybody. */
export class Offers {
  /** By the session as it was read; the same text is the same record (parse-record.ts). */
  readonly #offers = new SharedReads<Offer, SessionRecord>();

  of(ctx: OfferDeps, session: SessionRecord, round: RoundRecord): Promise<Offer> {
    return this.#offers.read(session, () => describe(ctx, session, round));
  }
}

async function describe(ctx: OfferDeps, session: SessionRecord, round: RoundRecord): Promise<Offer> {
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
  ctx: OfferDeps,
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
