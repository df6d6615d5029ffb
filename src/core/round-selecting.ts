import type { Change, Snapshot } from './decision.js';
import { chooseFoldScale } from './fold-scale.js';
import { neededUpdates } from './job.js';
import { stepPaused } from './pause.js';
import { eligible, enoughToStart, selectLibraries } from './selection.js';
import type { RoundRecord } from './session.js';
import { abandon, endSession } from './transitions.js';

/** Opens the round when enough Libraries are there, or at the deadline with what is there. */
export function stepSelecting(snapshot: Snapshot, round: RoundRecord): Change | null {
  const { session, nowMs } = snapshot;
  if (session.pausedUntilMs !== null) return stepPaused(snapshot);
  const { job } = session;
  const available = eligible(job, snapshot.candidates);
  if (!enoughToStart(job, available.length)) {
    if (nowMs < round.deadlineMs) return null;
    if (snapshot.reachableMs < job.deadlines.recruitMs) return waitOn(snapshot, round);
  }
  if (available.length < job.continuation.minUpdates) {
    const reason = tooFew(snapshot, available.length);
    return session.state === 'recruiting'
      ? endSession(snapshot, 'failed', reason)
      : abandon(snapshot, round, reason);
  }
  return open(snapshot, round, available);
}

/** Nobody could come while the pool was away: Libraries have their full time from when they can reach it. */
function waitOn({ session, nowMs, reachableMs }: Snapshot, round: RoundRecord): Change {
  const deadlineMs = nowMs + session.job.deadlines.recruitMs - reachableMs;
  return { next: { ...session, round: { ...round, deadlineMs }, deadlineMs }, events: [] };
}

function tooFew({ session: { job } }: Snapshot, available: number): string {
  const what = job.datasetId === null ? 'were connected' : `with data set "${job.datasetId}" were connected`;
  const need = job.continuation.minUpdates;
  return `Only ${available} of at least ${need} Libraries ${what} within ${job.deadlines.recruitMs / 1000} s.`;
}

function open(snapshot: Snapshot, round: RoundRecord, available: ReturnType<typeof eligible>): Change {
  const { session, nowMs } = snapshot;
  const { job } = session;
  const chosen = selectLibraries(job, available, {
    seed: session.seed,
    number: round.number,
    attempt: round.attempt,
  });
  const goal = job.selection.type === 'all' ? chosen.length : Math.min(job.selection.goal, chosen.length);
  // Over all that may still replace somebody, so that a replacement never holds more than the scale has room for.
  const maxExamples = Math.max(...available.map((library) => library.numExamples));
  const opened: RoundRecord = {
    ...round,
    state: 'collecting',
    openedMs: nowMs,
    deadlineMs: nowMs + job.deadlines.roundMs,
    goal,
    selected: chosen.length,
    needed: neededUpdates(job, { goal, selected: chosen.length }),
    maxExamples,
    scale: chooseFoldScale({ maxMagnitude: job.update.maxMagnitude, maxExamples, maxUpdates: chosen.length }),
  };
  return {
    next: {
      ...session,
      state: 'running',
      stateSinceMs: session.state === 'running' ? session.stateSinceMs : nowMs,
      round: opened,
      deadlineMs: opened.deadlineMs,
    },
    assign: chosen.map((library) => library.libraryId),
    events: [
      {
        type: 'round.opened',
        round: round.number,
        attempt: round.attempt,
        selected: opened.selected,
        needed: opened.needed,
      },
    ],
  };
}
