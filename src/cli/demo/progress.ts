import type { SessionEvent } from '../../core/decision.js';
import type { Metrics, RoundSummary, SessionState } from '../../core/session.js';
import type { Score } from '../../core/termination.js';
import type { SessionView } from '../../protocol/http.js';

/** What the current round is doing, as its events tell. */
export interface RoundProgress {
  readonly number: number;
  readonly attempt: number;
  readonly phase: 'selecting' | 'collecting' | 'closing' | 'published';
  readonly selected: number;
  /** Updates that close the round early. */
  readonly needed: number;
  readonly received: number;
}

/** A session as somebody who watches it knows it. Made from its events alone, so it can be replayed. */
export interface Progress {
  readonly state: SessionState;
  readonly reason: string | null;
  readonly maxRounds: number;
  readonly round: RoundProgress | null;
  /** Published rounds, oldest first. */
  readonly rounds: readonly RoundSummary[];
  /** The evaluator's scores, by version. */
  readonly scores: readonly Score[];
  /** What did not go smoothly, oldest first. */
  readonly notes: readonly string[];
}

/** Where watching begins. The history is taken from the session, since its event log may have been cut. */
export function beginProgress(view: Pick<SessionView, 'job' | 'history' | 'scores'>): Progress {
  return {
    state: 'queued',
    reason: null,
    maxRounds: view.job.termination.maxRounds,
    round: null,
    rounds: view.history,
    scores: view.scores,
    notes: [],
  };
}

/** One event further. Events of rounds and versions that are known already change nothing. */
export function advance(progress: Progress, event: SessionEvent): Progress {
  switch (event.type) {
    case 'round.selecting':
      return inRound(progress, event.round, {
        attempt: event.attempt,
        phase: 'selecting',
        selected: 0,
        needed: 0,
        received: 0,
      });
    case 'round.opened': {
      const { attempt, selected, needed } = event;
      return inRound(progress, event.round, { attempt, phase: 'collecting', selected, needed, received: 0 });
    }
    case 'update.received':
      return inRound(progress, event.round, { received: event.received, needed: event.needed });
    case 'round.closed':
      return inRound(progress, event.round, { phase: 'closing', received: event.updates });
    case 'round.replaced':
      return note(
        progress,
        `round ${event.round}: ${event.expired} away for too long, ${event.assigned} asked instead`,
      );
    case 'round.abandoned':
      return note(
        progress,
        `round ${event.round}, attempt ${event.attempt}: given up (${event.reason}); it is tried again`,
      );
    case 'round.published': {
      const rounds = upsert(progress.rounds, event.summary, (summary) => summary.round);
      return inRound({ ...progress, rounds }, event.round, { phase: 'published' });
    }
    case 'version.scored': {
      const score = { version: event.version, metrics: event.metrics };
      return { ...progress, scores: upsert(progress.scores, score, ({ version }) => version) };
    }
    // `session.` and the state that began.
    default: {
      const state = event.type.slice('session.'.length) as SessionState;
      return { ...progress, state, reason: event.reason };
    }
  }
}

/** The test metrics of a version, if the evaluator has scored it. */
export function scoreOf(progress: Progress, version: number): Metrics | null {
  return progress.scores.find((score) => score.version === version)?.metrics ?? null;
}

function inRound(progress: Progress, number: number, change: Partial<RoundProgress>): Progress {
  const fresh: RoundProgress = {
    number,
    attempt: 1,
    phase: 'selecting',
    selected: 0,
    needed: 0,
    received: 0,
  };
  const current = progress.round?.number === number ? progress.round : fresh;
  return { ...progress, state: 'running', reason: null, round: { ...current, ...change } };
}

function note(progress: Progress, text: string): Progress {
  return { ...progress, notes: [...progress.notes, text] };
}

function upsert<T>(list: readonly T[], item: T, key: (item: T) => number): readonly T[] {
  const others = list.filter((other) => key(other) !== key(item));
  return [...others, item].sort((a, b) => key(a) - key(b));
}
