import type { Change, Snapshot } from './decision.js';
import { weightedMetrics } from './metrics.js';
import type { Metrics, RoundRecord, RoundSummary } from './session.js';
import { updateBest } from './termination.js';
import { abandon } from './transitions.js';

/** Publishes the next version once the aggregators have produced every shard of it. */
export function stepClosing(snapshot: Snapshot, round: RoundRecord): Change | null {
  const { session, nowMs, produced } = snapshot;
  if (snapshot.lost !== null) return abandon(snapshot, round, snapshot.lost);
  if (produced !== null) return publish(snapshot, round, produced);
  if (nowMs < round.deadlineMs) return null;
  return abandon(
    snapshot,
    round,
    `No aggregator finished it within ${session.job.deadlines.closeMs / 1000} s.`,
  );
}

function publish(
  snapshot: Snapshot,
  round: RoundRecord,
  produced: { sha256: string; shards: readonly string[] },
): Change {
  const { session, nowMs } = snapshot;
  const { job } = session;
  const summary = summarise(snapshot, round, produced.sha256);
  const deadlineMs = nowMs + job.deadlines.evaluateMs;
  return {
    next: {
      ...session,
      version: round.number,
      round: { ...round, state: 'published', deadlineMs },
      deadlineMs,
      best: updateBest(job, session.best, scoreFromLibraries(snapshot, round, summary)),
    },
    summary,
    version: { version: round.number, sha256: produced.sha256, shards: produced.shards, createdMs: nowMs },
    events: [{ type: 'round.published', round: round.number, summary }],
  };
}

function summarise(snapshot: Snapshot, round: RoundRecord, sha256: string): RoundSummary {
  const { receipts, nowMs, session } = snapshot;
  const evaluation = weightedMetrics(
    receipts.map((r) => ({ numExamples: r.numExamples, metrics: r.evaluation })),
  );
  return {
    round: round.number,
    attempt: round.attempt,
    selected: round.selected,
    updates: round.updates,
    totalExamples: receipts.reduce((sum, receipt) => sum + receipt.numExamples, 0),
    metrics: weightedMetrics(receipts) ?? {},
    evaluation,
    openedMs: round.openedMs,
    closedMs: round.deadlineMs - session.job.deadlines.closeMs,
    publishedMs: nowMs,
    sha256,
  };
}

/** Libraries score the version they received, which is the one before; without scores, training metrics stand in. */
function scoreFromLibraries(
  { session }: Snapshot,
  round: RoundRecord,
  summary: RoundSummary,
): { version: number; metrics: Metrics } | null {
  const { on } = session.job.evaluation;
  if (on === 'pool') return null;
  if (summary.evaluation !== null) return { version: round.number - 1, metrics: summary.evaluation };
  return on === 'none' ? { version: round.number, metrics: summary.metrics } : null;
}
