import type { FoldScale } from './fold-scale.js';
import type { Job } from './job.js';

/** Version of the stored record; a process that meets a newer one leaves it for others. */
export const RECORD_VERSION = 1;

export const SESSION_STATES = [
  'queued',
  'recruiting',
  'running',
  'completed',
  'failed',
  'cancelled',
] as const;
export type SessionState = (typeof SESSION_STATES)[number];

export const ROUND_STATES = ['selecting', 'collecting', 'closing', 'published'] as const;
export type RoundState = (typeof ROUND_STATES)[number];

export const ASSIGNMENT_STATES = [
  'offered',
  'accepted',
  'received',
  'declined',
  'failed',
  'expired',
] as const;
export type AssignmentState = (typeof ASSIGNMENT_STATES)[number];

/** How the flat parameter vector is cut: shard `k` holds `shardParams` of the `paramCount` f32 values. */
export interface Geometry {
  readonly paramCount: number;
  readonly shardParams: number;
  readonly shardCount: number;
}

/** One try at producing the next model version. `number` and `attempt` both count from 1. */
export interface RoundRecord {
  readonly number: number;
  readonly attempt: number;
  readonly state: RoundState;
  readonly openedMs: number;
  /** When this state ends by itself. */
  readonly deadlineMs: number;
  /** Updates aimed at, Libraries chosen, updates that close the round early. */
  readonly goal: number;
  readonly selected: number;
  readonly needed: number;
  /** Fixed when the round opens; bounds `numExamples` of every update of the round. */
  readonly scale: FoldScale;
  readonly maxExamples: number;
  /** Updates counted, frozen when the round closes. */
  readonly updates: number;
}

/** Bytes of a finished or abandoned attempt that are still to be freed. */
export interface Leftover {
  readonly round: number;
  readonly attempt: number;
}

export interface SessionRecord {
  readonly v: typeof RECORD_VERSION;
  readonly repoId: string;
  readonly sessionId: string;
  readonly job: Job;
  /** Makes selection reproducible. */
  readonly seed: number;
  readonly geometry: Geometry;
  readonly createdMs: number;
  readonly state: SessionState;
  /** Why it failed or was cancelled, in words for a person. */
  readonly reason: string | null;
  readonly stateSinceMs: number;
  /** When this state ends by itself; null only in a final state. */
  readonly deadlineMs: number | null;
  /** While paused: when it is cancelled if nobody resumes it. A round that is open still ends; no new one opens. */
  readonly pausedUntilMs: number | null;
  /** Latest published model version; 0 is the uploaded model. */
  readonly version: number;
  readonly round: RoundRecord | null;
  readonly best: { readonly value: number; readonly version: number } | null;
  readonly leftovers: readonly Leftover[];
  readonly endedMs: number | null;
}

export interface AssignmentRecord {
  readonly state: AssignmentState;
  readonly offeredMs: number;
  /** Idempotency key of the update that was counted. */
  readonly updateId?: string | undefined;
  readonly reason?: string | undefined;
}

export type Metrics = Readonly<Record<string, number>>;

/** What one committed update leaves behind; its position in the list is its sequence number. */
export interface Receipt {
  readonly libraryId: string;
  readonly updateId: string;
  /** Names its bytes in the blob store: its own, or an exact sum that it is in, of updates counted in the same step. */
  readonly blob: string;
  readonly numExamples: number;
  readonly metrics: Metrics;
  /** The Library's score of the version it received, on its own data. */
  readonly evaluation: Metrics | null;
  readonly receivedMs: number;
}

/** Names of the bytes of these updates: several may be in one sum. */
export function blobsOf(receipts: readonly Receipt[]): string[] {
  return [...new Set(receipts.map((receipt) => receipt.blob))];
}

/** What is kept of a published round. */
export interface RoundSummary {
  readonly round: number;
  readonly attempt: number;
  readonly selected: number;
  readonly updates: number;
  readonly totalExamples: number;
  /** Training metrics, averaged by numExamples. */
  readonly metrics: Metrics;
  /** Libraries' score of version `round − 1`, averaged by numExamples. */
  readonly evaluation: Metrics | null;
  readonly openedMs: number;
  readonly closedMs: number;
  readonly publishedMs: number;
  readonly sha256: string;
}

export function isFinal(state: SessionState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}
