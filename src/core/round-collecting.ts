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
  const gone = snapshot.assignments.filter((a) => isOutstanding(a) && a.absentMs > snapshot.leaseMs);
  const outstanding = snapshot.assignments.filter(isOutstanding).length - gone.length;
  const replacements = replace(snapshot, round, outstanding);
  // Nobody is left to wait for and nobody can be asked: go on with what is there.
  if (outstanding + replacements.length === 0 && received >= minUpdates) return close(snapshot, round);
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

/** Fresh Libraries for the vacant seats, while at least a quarter of the round's time is left for them. */
function replace(snapshot: Snapshot, round: RoundRecord, outstanding: number): string[] {
  const { session, nowMs } = snapshot;
  const vacant = round.selected - snapshot.received - outstanding;
  if (vacant <= 0 || round.deadlineMs - nowMs < session.job.deadlines.roundMs / 4) return [];
  const asked = new Set(snapshot.assignments.map((a) => a.libraryId));
  const fresh = eligible(session.job, snapshot.candidates)
    .filter((library) => !asked.has(library.libraryId) && library.numExamples <= round.maxExamples)
    .sort((a, b) => (a.libraryId < b.libraryId ? -1 : 1));
  const random = seededRandom(mixSeed(session.seed, round.number, round.attempt, asked.size));
  return sample(fresh, vacant, random).map((library) => library.libraryId);
}

/** From here on no update is accepted: what is counted is what the receipts say at the moment of this write. */
function close({ session, nowMs, received }: Snapshot, round: RoundRecord): Change {
  const deadlineMs = nowMs + session.job.deadlines.closeMs;
  return {
    next: { ...session, round: { ...round, state: 'closing', updates: received, deadlineMs }, deadlineMs },
    events: [{ type: 'round.closed', round: round.number, updates: received }],
  };
}
