import type { AssignmentView, Change, Snapshot } from './decision.js';
import { mixSeed, sample, seededRandom } from './random.js';
import { eligible } from './selection.js';
import type { RoundRecord } from './session.js';
import { abandon } from './transitions.js';

/** Closes, replaces those who left, or abandons; every path ends at the deadline at the latest. */
export function stepCollecting(snapshot: Snapshot, round: RoundRecord): Change | null {
  const { session, nowMs, received } = snapshot;
  const { minUpdates } = session.job.continuation;
  if (snapshot.lost !== null) return abandon(snapshot, round, snapshot.lost);
  if (received >= round.needed) return close(snapshot, round);
  if (nowMs >= round.deadlineMs) {
    if (received >= minUpdates) return close(snapshot, round);
    return abandon(
      snapshot,
      round,
      `${received} updates arrived of at least ${minUpdates} needed within ${session.job.deadlines.roundMs / 1000} s.`,
    );
  }
  const gone = snapshot.assignments.filter((a) => isOutstanding(a) && isGone(snapshot, a));
  const outstanding = snapshot.assignments.filter(isOutstanding).length - gone.length;
  const replacements = replace(snapshot, round, outstanding);
  if (outstanding + replacements.length === 0) {
    // Nobody is left to wait for and nobody can be asked: go on with what is there.
    if (received >= minUpdates) return close(snapshot, round);
    if (!mayAsk(snapshot, round))
      return abandon(
        snapshot,
        round,
        `${received} updates arrived of at least ${minUpdates} needed, and nobody was left to send one.`,
      );
  }
  if (gone.length === 0 && replacements.length === 0) return null;
  return {
    next: session,
    expire: gone.map((a) => a.libraryId),
    assign: replacements,
    events: [
      { type: 'round.replaced', round: round.number, expired: gone.length, assigned: replacements.length },
    ],
  };
}

export function isOutstanding(assignment: AssignmentView): boolean {
  return assignment.state === 'offered' || assignment.state === 'accepted';
}

/** Nobody stays away from a pool that he can not reach. */
function isGone({ leaseMs, reachableMs }: Snapshot, { absentMs }: AssignmentView): boolean {
  return Math.min(absentMs, reachableMs) > leaseMs;
}

/** Whoever is asked now has at least a quarter of the round's time. */
function mayAsk({ session, nowMs }: Snapshot, round: RoundRecord): boolean {
  return round.deadlineMs - nowMs >= session.job.deadlines.roundMs / 4;
}

/** Libraries for the vacant seats: those that were not asked, and those that stayed away for too long and are back. */
function replace(snapshot: Snapshot, round: RoundRecord, outstanding: number): string[] {
  const { session, assignments } = snapshot;
  const vacant = round.selected - snapshot.received - outstanding;
  if (vacant <= 0 || !mayAsk(snapshot, round)) return [];
  const asked = new Set(assignments.filter((a) => a.state !== 'expired').map((a) => a.libraryId));
  const free = eligible(session.job, snapshot.candidates)
    .filter((library) => !asked.has(library.libraryId) && library.numExamples <= round.maxExamples)
    .sort((a, b) => (a.libraryId < b.libraryId ? -1 : 1));
  const random = seededRandom(mixSeed(session.seed, round.number, round.attempt, assignments.length));
  return sample(free, vacant, random).map((library) => library.libraryId);
}

/** From here on no update is accepted: what is counted is what the receipts say at the moment of this write. */
function close({ session, nowMs, received }: Snapshot, round: RoundRecord): Change {
  const deadlineMs = nowMs + session.job.deadlines.closeMs;
  return {
    next: { ...session, round: { ...round, state: 'closing', updates: received, deadlineMs }, deadlineMs },
    events: [{ type: 'round.closed', round: round.number, updates: received }],
  };
}
