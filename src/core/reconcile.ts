import type { Change, Snapshot } from './decision.js';
import { stepCollecting } from './round-collecting.js';
import { stepClosing } from './round-closing.js';
import { stepPublished } from './round-published.js';
import { stepSelecting } from './round-selecting.js';
import { stepPaused } from './pause.js';
import { beginRecruiting, endSession } from './transitions.js';
import { isFinal } from './session.js';

/**
 * What should be true now, given everything that is stored: the next write, or null when all is as it should be.
 * Pure and level-triggered: it may be asked twice, late, or on two machines at once, and each answer is a
 * compare-and-set against the record it was derived from. Call again after each write until it says null.
 */
export function reconcile(snapshot: Snapshot): Change | null {
  const { session } = snapshot;
  if (isFinal(session.state)) return null;
  if (session.state === 'queued') return stepQueued(snapshot);
  if (session.round === null) return endSession(snapshot, 'failed', 'The stored session has no round.');
  switch (session.round.state) {
    case 'selecting':
      return stepSelecting(snapshot, session.round);
    case 'collecting':
      return stepCollecting(snapshot, session.round);
    case 'closing':
      return stepClosing(snapshot, session.round);
    case 'published':
      return stepPublished(snapshot, session.round);
  }
}

function stepQueued(snapshot: Snapshot): Change | null {
  const { session, queue, nowMs } = snapshot;
  if (session.pausedUntilMs !== null) return stepPaused(snapshot);
  if (queue.ahead < queue.concurrency) return beginRecruiting(snapshot);
  if (session.deadlineMs !== null && nowMs >= session.deadlineMs) {
    return endSession(
      snapshot,
      'failed',
      `It waited too long behind ${queue.ahead} other sessions of the Repo.`,
    );
  }
  return null;
}

/** How long a session may be left alone when nothing hints at it, by state. */
const POLL_MS = {
  queued: 5_000,
  selecting: 2_000,
  collecting: 2_000,
  closing: 1_000,
  published: 1_000,
  final: 1_000,
};

/** When to look at the session again if no hint comes before: its deadline, or a bounded time. */
export function wakeAtMs(snapshot: Snapshot): number {
  const { session, nowMs } = snapshot;
  const state = isFinal(session.state)
    ? 'final'
    : session.state === 'queued'
      ? 'queued'
      : (session.round?.state ?? 'queued');
  return Math.min(nowMs + POLL_MS[state], session.deadlineMs ?? Infinity);
}
