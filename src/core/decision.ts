import type { Candidate } from './selection.js';
import type { AssignmentRecord, Metrics, Receipt, RoundSummary, SessionRecord } from './session.js';
import type { Score } from './termination.js';

/** An outstanding or settled assignment of the current attempt, with how long its Library has been away. */
export interface AssignmentView extends AssignmentRecord {
  readonly libraryId: string;
  /** 0 while connected. */
  readonly absentMs: number;
}

/** All shards of the next version are there. */
export interface Produced {
  readonly sha256: string;
  readonly shards: readonly string[];
}

/**
 * Everything that stored state says about one session, read at `nowMs` (Redis time).
 * Parts that the session's state does not need are left empty by the loader.
 */
export interface Snapshot {
  readonly session: SessionRecord;
  readonly nowMs: number;
  /** Sessions of the Repo submitted earlier and still alive; how many may run at once. */
  readonly queue: { readonly ahead: number; readonly concurrency: number };
  readonly candidates: readonly Candidate[];
  readonly assignments: readonly AssignmentView[];
  /** Updates counted so far in the current attempt. */
  readonly received: number;
  /** Their receipts; loaded when the version is ready to be published. */
  readonly receipts: readonly Receipt[];
  /** An aggregator met bytes that are gone: the attempt cannot be finished. */
  readonly lost: string | null;
  readonly produced: Produced | null;
  /** The evaluator's scores, oldest version first. */
  readonly scores: readonly Score[];
  /** Whether the Repo has a test set for this job. */
  readonly hasTestSet: boolean;
  /** A Library away for longer loses its assignment. */
  readonly leaseMs: number;
  /** How long Libraries have been able to reach the pool without a break, ms; 0: they can not. */
  readonly reachableMs: number;
}

export type SessionEvent =
  | {
      readonly type:
        | 'session.recruiting'
        | 'session.completed'
        | 'session.failed'
        | 'session.cancelled'
        | 'session.queued'
        | 'session.paused'
        | 'session.resumed';
      readonly reason: string | null;
    }
  | {
      readonly type: 'round.selecting';
      readonly round: number;
      readonly attempt: number;
      readonly reason: string | null;
    }
  | {
      readonly type: 'round.opened';
      readonly round: number;
      readonly attempt: number;
      readonly selected: number;
      readonly needed: number;
    }
  | {
      readonly type: 'round.replaced';
      readonly round: number;
      readonly expired: number;
      readonly assigned: number;
    }
  | { readonly type: 'round.closed'; readonly round: number; readonly updates: number }
  | {
      readonly type: 'round.abandoned';
      readonly round: number;
      readonly attempt: number;
      readonly reason: string;
    }
  | { readonly type: 'round.published'; readonly round: number; readonly summary: RoundSummary }
  | {
      readonly type: 'update.received';
      readonly round: number;
      readonly received: number;
      readonly needed: number;
    }
  | { readonly type: 'version.scored'; readonly version: number; readonly metrics: Metrics };

/** A new version to record beside the session. */
export interface VersionEntry {
  readonly version: number;
  readonly sha256: string;
  readonly shards: readonly string[];
  readonly createdMs: number;
}

/** What should be written, all at once. */
export interface Change {
  readonly next: SessionRecord;
  readonly events: readonly SessionEvent[];
  /** New assignments of the round in `next`. */
  readonly assign?: readonly string[];
  readonly expire?: readonly string[];
  readonly summary?: RoundSummary;
  readonly version?: VersionEntry;
}
