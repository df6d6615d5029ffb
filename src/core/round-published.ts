import type { Change, Snapshot } from './decision.js';
import type { Job } from './job.js';
import type { RoundRecord, SessionRecord } from './session.js';
import { terminationReason, updateBest } from './termination.js';
import { endSession, selecting } from './transitions.js';

/** After a version is out: the next round, or the end. Only the end waits for the evaluator, for a bounded time. */
export function stepPublished(snapshot: Snapshot, round: RoundRecord): Change | null {
  const scored = withScores(snapshot);
  const reason = terminationReason(scored.job, round.number, scored.best);
  if (reason === null) {
    const next = selecting(scored, { number: round.number + 1, attempt: 1, nowMs: snapshot.nowMs });
    return { next, events: [{ type: 'round.selecting', round: round.number + 1, attempt: 1, reason: null }] };
  }
  const isScored = snapshot.scores.some((score) => score.version === round.number);
  if (wantsPoolScore(snapshot) && !isScored && snapshot.nowMs < round.deadlineMs) return null;
  return endSession({ ...snapshot, session: scored }, 'completed', capitalise(reason) + '.');
}

function withScores({ session, scores }: Snapshot): SessionRecord {
  const best = scores.reduce((sofar, score) => updateBest(session.job, sofar, score), session.best);
  return { ...session, best };
}

function wantsPoolScore({ session, hasTestSet }: Snapshot): boolean {
  return hasTestSet && scoresOnPool(session.job);
}

/** Whether the evaluator has anything to do for this job. */
export function scoresOnPool(job: Job): boolean {
  return job.evaluation.on === 'pool' || job.evaluation.on === 'both';
}

/** Versions that the evaluator scores: every n-th, and the last. */
export function isScoredVersion(job: Job, version: number): boolean {
  return scoresOnPool(job) && (version % job.evaluation.every === 0 || version === job.termination.maxRounds);
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
