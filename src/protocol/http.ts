import * as z from 'zod';
import type { SessionEvent } from '../core/decision.js';
import type { AssignmentState, RoundSummary, SessionRecord } from '../core/session.js';
import type { Score } from '../core/termination.js';
import type { AuditHead } from './audit.js';
import * as ids from './ids.js';
import type { ModelRecord } from './model.js';
import { repoLimits } from './repo-limits.js';
import type { NodeRecord, RentalRecord } from './records.js';

/** Ten years: longer is a slip of the keyboard. */
const MAX_KEY_LIFE_MS = 10 * 365 * 86_400_000;

/** Bodies of requests and answers under `/v1`. */
export const createRepo = z.strictObject({
  repoId: ids.repoId,
  name: z.string().max(128).optional(),
  concurrency: z.int().min(1).max(64).default(1),
  maxSlots: z.int().min(1).max(10_000).nullable().default(null),
  limits: repoLimits.default({}),
});
export const createKey = z.strictObject({
  label: z.string().max(128).default(''),
  /** How long it is good for, ms; null: until it is revoked. */
  expiresInMs: z.int().min(1_000).max(MAX_KEY_LIFE_MS).nullable().default(null),
});
/** Of one token by its `jti`, or all of a subject that were issued before a moment (default: now). */
export const revokeTokens = z.union([
  z.strictObject({ jti: z.string().min(1).max(256) }),
  z.strictObject({
    sub: z.string().min(1).max(256),
    issuedBeforeMs: z.int().min(0).optional(),
  }),
]);
export const cancelSession = z.strictObject({
  reason: z.string().max(500).default('cancelled by the owner'),
});

/** Query of the list of sessions. */
export const sessionPage = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(200),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
});

/** Claims of a JWT for Explora and Dashboard. */
export const ROLES = ['admin', 'owner', 'explora', 'dashboard'] as const;
export type Role = (typeof ROLES)[number];
export const claims = z.object({
  sub: z.string().min(1).max(256),
  role: z.enum(ROLES),
  /** Repos it is good for; `*` only with role admin. */
  repos: z.array(z.string().max(64)).max(1_000).default([]),
  exp: z.number(),
  iat: z.number().optional(),
  /** Under which it can be revoked. */
  jti: z.string().min(1).max(256).optional(),
});
export type Claims = z.infer<typeof claims>;

/** Answer to `POST /v1/repos/:repoId/keys`: the only time that the key itself is shown. */
export interface KeyCreated {
  readonly keyId: string;
  readonly apiKey: string;
  readonly label: string;
  readonly expiresMs: number | null;
}

/** Answer to `DELETE /v1/repos/:repoId`: what was there. Zeros where an earlier try had got further. */
export interface RepoDeleted {
  readonly deleted: true;
  readonly removed: {
    readonly keys: number;
    readonly libraries: number;
    readonly sessions: number;
    readonly versions: number;
    readonly models: number;
    readonly testSets: number;
    readonly auditEntries: number;
  };
  /** The end of the Repo's audit trail, to compare an export with. */
  readonly auditHead: AuditHead;
}

export interface KeyView {
  readonly keyId: string;
  readonly label: string;
  readonly createdMs: number;
  readonly revokedMs: number | null;
  readonly expiresMs: number | null;
  /** To the minute; null: never. */
  readonly lastUsedMs: number | null;
}

export interface ModelView extends Omit<ModelRecord, 'v' | 'tensors'> {
  readonly tensorCount: number;
}

/** A session as Explora and Dashboard see it. */
export interface SessionView extends Omit<SessionRecord, 'v' | 'leftovers' | 'seed'> {
  /** Updates received in the current round. */
  readonly received: number;
  readonly history: readonly RoundSummary[];
  readonly scores: readonly Score[];
  /** Set when the session is completed. */
  readonly resultModelId: string | null;
  readonly keptVersions: readonly number[];
}

export type SessionRow = Pick<
  SessionView,
  'repoId' | 'sessionId' | 'state' | 'reason' | 'pausedUntilMs' | 'createdMs' | 'endedMs' | 'version'
> & {
  readonly name: string;
  readonly maxRounds: number;
  readonly round: number | null;
  readonly best: SessionRecord['best'];
  /** The metric that `best` is of. */
  readonly watched: string;
};

/** The Libraries that were asked in the current round, by the state of their assignment. */
export interface AssignmentCounts {
  readonly round: number | null;
  readonly attempt: number | null;
  readonly counts: Readonly<Record<AssignmentState, number>>;
}

/** One entry of a session's event log; `id` goes into `Last-Event-ID`. */
export interface LoggedEvent {
  readonly id: string;
  readonly atMs: number;
  readonly event: SessionEvent;
}

export interface RepoStatus {
  readonly repoId: string;
  readonly name: string;
  readonly status: 'busy' | 'idle';
  readonly librariesOnline: number;
  readonly runningSessions: readonly {
    readonly sessionId: string;
    readonly name: string;
    readonly state: string;
    readonly round: number | null;
    readonly version: number;
  }[];
  readonly queuedSessions: number;
  readonly rentedSlots: number;
}

export interface PoolStatus {
  readonly nodes: readonly NodeRecord[];
  readonly repos: number;
  readonly activeSessions: number;
  readonly slots: { readonly total: number; readonly rented: number };
  readonly rentals: readonly RentalRecord[];
  readonly queues: Readonly<Record<string, number>>;
  readonly redis: {
    readonly usedMemoryBytes: number;
    readonly maxMemoryBytes: number;
    readonly appendOnly: boolean;
  };
}
