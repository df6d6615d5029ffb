import type { Change, Snapshot } from './decision.js';
import { isFinal, type SessionRecord } from './session.js';
import { endSession } from './transitions.js';

/**
 * Pauses a session: the round that is open ends as it would, and no further one opens. Nothing that was trained is lost.
 * @returns null when there is nothing to pause
 */
export function pauseSession(session: SessionRecord, nowMs: number): Change | null {
  if (isFinal(session.state) || session.pausedUntilMs !== null) return null;
  const pausedUntilMs = nowMs + session.job.deadlines.pauseMs;
  const next = { ...session, pausedUntilMs };
  const event = { type: 'session.paused', reason: null } as const;
  return { next: waitsForNothing(session) ? withDeadline(next, pausedUntilMs) : next, events: [event] };
}

/** Goes on where it was: with a full recruiting time. @returns null when it is not paused */
export function resumeSession(session: SessionRecord, nowMs: number): Change | null {
  if (isFinal(session.state) || session.pausedUntilMs === null) return null;
  const next = { ...session, pausedUntilMs: null };
  const event = { type: 'session.resumed', reason: null } as const;
  const deadlineMs = nowMs + (session.round === null ? QUEUE_MS : session.job.deadlines.recruitMs);
  return { next: waitsForNothing(session) ? withDeadline(next, deadlineMs) : next, events: [event] };
}

/** A session may wait this long for its turn. */
export const QUEUE_MS = 86_400_000;

/** In a state that a pause holds: only the pause's own end leads out of it. */
export function stepPaused(snapshot: Snapshot): Change | null {
  const { session, nowMs } = snapshot;
  if (session.pausedUntilMs === null || nowMs < session.pausedUntilMs) return null;
  return endSession(
    snapshot,
    'cancelled',
    `It was paused for longer than ${session.job.deadlines.pauseMs / 3_600_000} h.`,
  );
}

function waitsForNothing({ state, round }: SessionRecord): boolean {
  return state === 'queued' || round?.state === 'selecting';
}

function withDeadline(session: SessionRecord, deadlineMs: number): SessionRecord {
  const round = session.round === null ? null : { ...session.round, deadlineMs };
  return { ...session, round, deadlineMs };
}
