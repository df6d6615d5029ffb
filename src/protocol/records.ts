import * as z from 'zod';
import type { Job } from '../core/job.js';
import { ASSIGNMENT_STATES, RECORD_VERSION, ROUND_STATES, SESSION_STATES } from '../core/session.js';
import type { AssignmentRecord, Receipt, RoundSummary, SessionRecord } from '../core/session.js';
import * as ids from './ids.js';
import { repoLimits } from './repo-limits.js';

/** What comes out of Redis is checked like anything else that crosses a border. Written by us, so unknown fields mean a newer version. */
const ms = z.int().min(0);

const roundRecord = z.strictObject({
  number: z.int().min(1),
  attempt: z.int().min(1),
  state: z.enum(ROUND_STATES),
  openedMs: ms,
  deadlineMs: ms,
  goal: z.int(),
  selected: z.int(),
  needed: z.int(),
  scale: z.strictObject({ g: z.int(), p: z.int() }),
  maxExamples: z.int(),
  updates: z.int(),
});

export const sessionRecordShape = {
  v: z.literal(RECORD_VERSION),
  repoId: ids.repoId,
  sessionId: ids.sessionId,
  /** Validated when it was submitted; a job that an older version accepted stays valid. */
  job: z.custom<Job>((job) => typeof job === 'object' && job !== null),
  seed: z.int(),
  geometry: z.strictObject({
    paramCount: z.int().min(1),
    shardParams: z.int().min(1),
    shardCount: z.int().min(1),
  }),
  createdMs: ms,
  state: z.enum(SESSION_STATES),
  reason: z.string().nullable(),
  stateSinceMs: ms,
  deadlineMs: ms.nullable(),
  pausedUntilMs: ms.nullable(),
  version: z.int().min(0),
  round: roundRecord.nullable(),
  best: z.strictObject({ value: z.number(), version: z.int() }).nullable(),
  leftovers: z.array(z.strictObject({ round: z.int(), attempt: z.int() })),
  endedMs: ms.nullable(),
};
export const sessionRecord: z.ZodType<SessionRecord> = z.strictObject(sessionRecordShape);

export const assignmentRecord: z.ZodType<AssignmentRecord> = z.strictObject({
  state: z.enum(ASSIGNMENT_STATES),
  offeredMs: ms,
  updateId: z.string().optional(),
  reason: z.string().optional(),
});

export const receipt: z.ZodType<Receipt> = z.strictObject({
  libraryId: ids.libraryId,
  updateId: ids.updateId,
  blob: z.string(),
  numExamples: z.int().min(1),
  metrics: ids.metrics,
  evaluation: ids.metrics.nullable(),
  receivedMs: ms,
});

export const roundSummary: z.ZodType<RoundSummary> = z.strictObject({
  round: z.int(),
  attempt: z.int(),
  selected: z.int(),
  updates: z.int(),
  totalExamples: z.int(),
  metrics: ids.metrics,
  evaluation: ids.metrics.nullable(),
  openedMs: ms,
  closedMs: ms,
  publishedMs: ms,
  sha256: z.string(),
});

export const versionEntry = z.strictObject({
  version: z.int().min(1),
  sha256: z.string(),
  shards: z.array(z.string()),
  createdMs: ms,
});

export const repoRecord = z.strictObject({
  v: z.literal(1),
  repoId: ids.repoId,
  name: z.string().max(128),
  createdMs: ms,
  /** Sessions that may run at once; further ones wait in order. */
  concurrency: z.int().min(1).max(64),
  /** Aggregator slots that its sessions may rent in all; null: as many as there are. */
  maxSlots: z.int().min(1).nullable().default(null),
  limits: repoLimits.default({}),
});
export type RepoRecord = z.infer<typeof repoRecord>;

/** An API key at rest: only its hash. */
export const keyRecord = z.strictObject({
  v: z.literal(1),
  keyId: ids.keyId,
  label: z.string().max(128),
  sha256: z.string().length(64),
  createdMs: ms,
  revokedMs: ms.nullable(),
  /** When it ends by itself; null: never. */
  expiresMs: ms.nullable().default(null),
});
export type KeyRecord = z.infer<typeof keyRecord>;

/** A Library's last word about its data, and the connection that said it. */
export const libraryRecord = z.strictObject({
  datasets: z.array(z.strictObject({ datasetId: ids.datasetId, numExamples: z.int().min(1) })),
  connection: z.string(),
  joinedMs: ms,
});
export type LibraryRecord = z.infer<typeof libraryRecord>;

export const NODE_ROLES = ['gateway', 'coordinator', 'aggregator', 'evaluator'] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** What each process says of itself every few seconds. */
export const nodeRecord = z.strictObject({
  nodeId: z.string(),
  role: z.enum(NODE_ROLES),
  version: z.string(),
  host: z.string(),
  pid: z.int(),
  startedMs: ms,
  /** Where a gateway answers, from the pool's inside. */
  url: z.string().nullable(),
  slots: z.int().min(0),
  busySlots: z.int().min(0),
  connections: z.int().min(0),
  rssMiB: z.number(),
});
export type NodeRecord = z.infer<typeof nodeRecord>;

export const rentalRecord = z.strictObject({
  repoId: ids.repoId,
  sessionId: ids.sessionId,
  wanted: z.int(),
  granted: z.int(),
  /** `maxSlots` of the Repo. */
  quota: z.int().nullable().default(null),
});
export type RentalRecord = z.infer<typeof rentalRecord>;
