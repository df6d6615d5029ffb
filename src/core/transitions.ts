import type { Change, SessionEvent, Snapshot } from './decision.js';
import type { Leftover, RoundRecord, SessionRecord } from './session.js';

/** The end of a session in a state other than `completed`, or a completed one, with what to free. */
export function endSession(
  snapshot: Snapshot,
  state: 'completed' | 'failed' | 'cancelled',
  reason: string,
): Change {
  return {
    next: ended(snapshot.session, { state, reason, nowMs: snapshot.nowMs }),
    events: [{ type: `session.${state}`, reason }],
  };
}

export function ended(
  session: SessionRecord,
  end: { state: 'completed' | 'failed' | 'cancelled'; reason: string; nowMs: number },
): SessionRecord {
  return {
    ...session,
    state: end.state,
    reason: end.reason,
    stateSinceMs: end.nowMs,
    endedMs: end.nowMs,
    deadlineMs: null,
    pausedUntilMs: null,
    round: null,
    leftovers: withLeftover(session),
  };
}

/** Attempts that have bytes in the store, plus the current one. */
export function withLeftover(session: SessionRecord): readonly Leftover[] {
  const { round, leftovers } = session;
  if (round === null || round.state === 'selecting') return leftovers;
  if (leftovers.some((l) => l.round === round.number && l.attempt === round.attempt)) return leftovers;
  return [...leftovers, { round: round.number, attempt: round.attempt }];
}

export function beginRecruiting(snapshot: Snapshot): Change {
  const { session, nowMs } = snapshot;
  const next = { ...session, state: 'recruiting' as const, stateSinceMs: nowMs };
  return {
    next: selecting(next, { number: 1, attempt: 1, nowMs }),
    events: [{ type: 'session.recruiting', reason: null }],
  };
}

/** The session with a round that waits for Libraries. */
export function selecting(
  session: SessionRecord,
  at: { number: number; attempt: number; nowMs: number },
): SessionRecord {
  const deadlineMs = session.pausedUntilMs ?? at.nowMs + session.job.deadlines.recruitMs;
  const round: RoundRecord = {
    number: at.number,
    attempt: at.attempt,
    state: 'selecting',
    openedMs: at.nowMs,
    deadlineMs,
    goal: session.job.selection.goal,
    selected: 0,
    needed: 0,
    scale: { g: 0, p: 0 },
    maxExamples: 0,
    updates: 0,
  };
  return { ...session, round, deadlineMs, leftovers: withLeftover(session) };
}

/** Gives an attempt up: another one with fresh selection while retries are left, else the session fails. */
export function abandon(snapshot: Snapshot, round: RoundRecord, reason: string): Change {
  const { session, nowMs } = snapshot;
  const event: SessionEvent = {
    type: 'round.abandoned',
    round: round.number,
    attempt: round.attempt,
    reason,
  };
  if (round.attempt > session.job.deadlines.maxRoundRetries) {
    const tries = round.attempt === 1 ? 'once' : `${round.attempt} times`;
    const end = endSession(
      snapshot,
      'failed',
      `Round ${round.number} was tried ${tries}. Last time: ${reason}`,
    );
    return { ...end, events: [event, ...end.events] };
  }
  return {
    next: selecting(session, { number: round.number, attempt: round.attempt + 1, nowMs }),
    events: [event],
  };
}
