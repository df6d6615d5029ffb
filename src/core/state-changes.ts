import type { Change } from './decision.js';
import type { RoundRecord, SessionRecord } from './session.js';

/** A session, or an attempt at a round, went from one state to another. */
export interface StateChange {
  /** Null: it is the session's own state. */
  readonly round: RoundRecord | null;
  /** Null: it began. */
  readonly from: string | null;
  /** A state; or `abandoned`, which is never stored. */
  readonly to: string;
  readonly reason: string | null;
  /** When the state that was left began; null when there was none. */
  readonly sinceMs: number | null;
  readonly atMs: number;
}

/** What a change of the record (null: it is new) means in states, in the order in which they were left and entered. */
export function stateChanges(before: SessionRecord | null, { next, events }: Change): StateChange[] {
  const old = before?.round ?? null;
  const { round } = next;
  const atMs = round === null ? next.stateSinceMs : roundSinceMs(next, round);
  const stays = old !== null && round?.number === old.number && round.attempt === old.attempt;
  const changes: StateChange[] = [];
  if (before !== null && old !== null && !stays && old.state !== 'published') {
    const abandoned = events.find((event) => event.type === 'round.abandoned');
    const reason = abandoned?.reason ?? next.reason;
    const sinceMs = roundSinceMs(before, old);
    changes.push({ round: old, from: old.state, to: 'abandoned', reason, sinceMs, atMs });
  }
  if (before?.state !== next.state) {
    const sinceMs = before?.stateSinceMs ?? null;
    const { state: to, reason, stateSinceMs } = next;
    changes.push({ round: null, from: before?.state ?? null, to, reason, sinceMs, atMs: stateSinceMs });
  }
  if (round !== null && !(stays && old.state === round.state)) {
    const left = before !== null && stays ? { from: old.state, sinceMs: roundSinceMs(before, old) } : BEGAN;
    changes.push({ round, ...left, to: round.state, reason: null, atMs });
  }
  return changes;
}

const BEGAN = { from: null, sinceMs: null };

/** Since when a round is in its state: by its deadline, which is set on entering and then stays. */
function roundSinceMs({ job }: SessionRecord, { state, openedMs, deadlineMs }: RoundRecord): number {
  switch (state) {
    case 'selecting':
    case 'collecting':
      return openedMs;
    case 'closing':
      return deadlineMs - job.deadlines.closeMs;
    case 'published':
      return deadlineMs - job.deadlines.evaluateMs;
  }
}
