import { randomBytes, randomInt } from 'node:crypto';
import type { Job } from '../../core/job.js';
import { QUEUE_MS } from '../../core/pause.js';
import { RECORD_VERSION, type SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { jobRequest } from '../../protocol/job.js';
import { parse } from '../../protocol/parse.js';
import { redisNowMs } from '../../redis/context.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from './in-background.js';
import { limitsOf, requireWithin } from './repo-limits.js';
import { requireAnswers } from './require-answers.js';

/**
 * Stores a session for the job and wakes a coordinator.
 * @throws `invalid_job`, `model_not_found`, `quota_exceeded`; with a probe also as {@link requireAnswers}
 */
export async function submitJob(ctx: GatewayContext, repoId: string, input: unknown): Promise<SessionRecord> {
  const { job, probe } = parse(jobRequest, input, 'invalid_job');
  const { stores } = ctx;
  const [model] = await Promise.all([
    stores.models.get(repoId, job.modelId),
    requireTestSet(ctx, repoId, job),
    requireRoomForSession(ctx, repoId),
  ]);
  // Last, because it costs the most.
  if (probe !== null) await requireAnswers(ctx, { repoId, model, probe });
  const { parameters } = model;
  const nowMs = await redisNowMs(stores.context, repoId);
  const session: SessionRecord = {
    v: RECORD_VERSION,
    repoId,
    sessionId: `s-${randomBytes(8).toString('hex')}`,
    job,
    seed: randomInt(2 ** 31),
    geometry: {
      paramCount: parameters.paramCount,
      shardParams: parameters.shardParams,
      shardCount: parameters.shards.length,
    },
    createdMs: nowMs,
    state: 'queued',
    reason: null,
    pausedUntilMs: null,
    stateSinceMs: nowMs,
    deadlineMs: nowMs + QUEUE_MS,
    version: 0,
    round: null,
    best: null,
    leftovers: [],
    endedMs: null,
  };
  const events = [{ type: 'session.queued' as const, reason: null }];
  if ((await stores.sessions.write({ next: session, events }, { rev: 0 })) === null)
    throw new CloudNodeError('conflict', `There is a session "${session.sessionId}" already.`);
  // Stored and listed: whatever fails from here on, the sweep makes up for.
  inBackground(ctx, 'due', stores.pool.setDue(session, nowMs));
  inBackground(ctx, 'wake', ctx.queues.wake(session));
  return session;
}

/** A test set that a job names by itself must be there; one that is found by the name of the data set may be missing. */
async function requireTestSet(ctx: GatewayContext, repoId: string, { evaluation }: Job): Promise<void> {
  const { testSetId } = evaluation;
  if (testSetId === null || (await ctx.stores.models.findTestSet(repoId, testSetId)) !== null) return;
  throw new CloudNodeError(
    'invalid_job',
    `"evaluation.testSetId": Repo "${repoId}" has no test set "${testSetId}".`,
  );
}

async function requireRoomForSession(ctx: GatewayContext, repoId: string): Promise<void> {
  const [limits, { kept, open }] = await Promise.all([
    limitsOf(ctx, repoId),
    ctx.stores.sessions.count(repoId),
  ]);
  requireWithin(repoId, limits, 'sessions', kept + 1);
  requireWithin(repoId, limits, 'openSessions', open + 1);
}
