import { resultModelId } from '../../core/result-model.js';
import type { SessionRecord } from '../../core/session.js';
import { watchedMetric } from '../../core/termination.js';
import type { SessionRow, SessionView } from '../../protocol/http.js';
import type { GatewayContext } from '../context.js';

export async function viewSession(ctx: GatewayContext, record: SessionRecord): Promise<SessionView> {
  const { repoId, sessionId } = record;
  const { sessions } = ctx.stores;
  const [received, history, scores, versions, result] = await Promise.all([
    countReceived(ctx, record),
    sessions.history(repoId, sessionId),
    sessions.scores(repoId, sessionId),
    sessions.versions(repoId, sessionId),
    record.state === 'completed' ? ctx.stores.models.find(repoId, resultModelId(sessionId)) : null,
  ]);
  const { v: _v, leftovers: _leftovers, seed: _seed, ...shown } = record;
  return {
    ...shown,
    received,
    history,
    scores,
    resultModelId: result?.modelId ?? null,
    keptVersions: [0, ...versions.map((entry) => entry.version)],
  };
}

async function countReceived(
  ctx: GatewayContext,
  { repoId, sessionId, round }: SessionRecord,
): Promise<number> {
  if (round === null || round.state === 'selecting') return 0;
  const { number, attempt } = round;
  return ctx.stores.rounds.countReceipts({ repoId, sessionId, round: number, attempt });
}

export function sessionRow(record: SessionRecord): SessionRow {
  const { repoId, sessionId, state, reason, pausedUntilMs, createdMs, endedMs, version, best, job } = record;
  return {
    repoId,
    sessionId,
    state,
    reason,
    pausedUntilMs,
    createdMs,
    endedMs,
    version,
    best,
    watched: watchedMetric(job),
    name: job.name,
    maxRounds: job.termination.maxRounds,
    round: record.round?.number ?? null,
  };
}
