import * as z from 'zod';
import type { Job } from '../core/job.js';
import { ASSIGNMENT_STATES, SESSION_STATES } from '../core/session.js';
import { DOWNLOAD_ENCODINGS, UPDATE_ENCODINGS } from '../core/encoding.js';
import { aliasRecord } from './alias.js';
import { auditEntry } from './audit.js';
import { EVALUATION_STATES, evaluationRecord, type EvaluationView } from './evaluation.js';
import { ERRORS, type ErrorCode, type WireError } from './errors.js';
import type { Proof, Signed } from './identity.js';
import type {
  AssignmentCounts,
  KeyCreated,
  KeyView,
  ModelView,
  PoolStatus,
  RepoDeleted,
  RepoStatus,
  SessionRow,
  SessionView,
} from './http.js';
import * as ids from './ids.js';
import { jobSchema } from './job.js';
import { assignmentKey, type Assignment, type LibraryStatus, type UpdateAccepted } from './library.js';
import { manifest, modelRecord, parametersRef, testSetRecord } from './model.js';
import { nodeRecord, rentalRecord, repoRecord, roundSummary, sessionRecordShape } from './records.js';

/**
 * What the gateways answer, as schemas: for the OpenAPI document. The types they are compared with are what the code
 * answers, so neither can change alone; a test checks the answers themselves.
 */
const ms = z.int().min(0);
const count = z.int().min(0);
const sha256 = z.string().length(64);
const row = { repoId: ids.repoId, sessionId: ids.sessionId, state: z.enum(SESSION_STATES) };
/** As it is stored: every default filled in. */
const job = (jobSchema as unknown as { in: z.ZodType<Job> }).in;

const error = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  retryable: z.boolean(),
  advice: z.string(),
  retryAfterMs: ms.exactOptional(),
}) satisfies z.ZodType<WireError>;

const { v: _aliasV, ...aliasShape } = aliasRecord.shape;
const aliasView = z.object(aliasShape);

const { v: _evaluationV, ...evaluationShape } = evaluationRecord.shape;
const evaluation = z.object({
  ...evaluationShape,
  state: z.enum(EVALUATION_STATES),
  result: ids.metrics.nullable(),
  reason: z.string().nullable(),
  endedMs: ms.nullable(),
}) satisfies z.ZodType<EvaluationView>;

const keyView = z.object({
  keyId: ids.keyId,
  label: z.string(),
  createdMs: ms,
  revokedMs: ms.nullable(),
  expiresMs: ms.nullable(),
  lastUsedMs: ms.nullable(),
}) satisfies z.ZodType<KeyView>;

const { v: _modelV, tensors: _tensors, ...modelShape } = modelRecord.shape;
const modelView = z.object({ ...modelShape, tensorCount: count }) satisfies z.ZodType<ModelView>;

const { v: _v, leftovers: _leftovers, seed: _seed, ...sessionShape } = sessionRecordShape;
const sessionView = z.object({
  ...sessionShape,
  job,
  received: count,
  history: z.array(roundSummary),
  scores: z.array(z.object({ version: count, metrics: ids.metrics })),
  resultModelId: ids.modelId.nullable(),
  keptVersions: z.array(count),
}) satisfies z.ZodType<SessionView>;

const sessionRow = z.object({
  ...row,
  reason: z.string().nullable(),
  pausedUntilMs: ms.nullable(),
  createdMs: ms,
  endedMs: ms.nullable(),
  version: count,
  name: z.string(),
  maxRounds: count,
  round: count.nullable(),
  best: z.object({ value: z.number(), version: z.int() }).nullable(),
  watched: z.string(),
}) satisfies z.ZodType<SessionRow>;

/** What the pool signs. */
const signed = z.object({
  statement: z.string(),
  publicKey: z.string(),
  signature: z.string(),
}) satisfies z.ZodType<Signed>;

const assignment = assignmentKey.extend({
  repoId: ids.repoId,
  state: z.enum(['offered', 'accepted', 'received']),
  jobName: z.string(),
  datasetId: ids.datasetId.nullable(),
  hyperparams: (job as unknown as { shape: { hyperparams: z.ZodType<Job['hyperparams']> } }).shape
    .hyperparams,
  clipNorm: z.number().nullable(),
  maxMagnitude: z.number(),
  encoding: z.enum(UPDATE_ENCODINGS),
  evaluate: z.boolean(),
  version: count,
  parameters: parametersRef,
  download: z
    .object({ encoding: z.literal(DOWNLOAD_ENCODINGS[1]), sha256, shards: z.array(sha256) })
    .nullable(),
  topologySha256: sha256,
  remainingMs: ms,
}) satisfies z.ZodType<Assignment>;

const libraryStatus = z.object({
  libraryId: ids.libraryId,
  assignment: assignment.nullable(),
  pollMs: ms,
  heartbeatMs: ms,
  signed: signed.exactOptional(),
}) satisfies z.ZodType<LibraryStatus>;

const repoStatus = z.object({
  repoId: ids.repoId,
  name: z.string(),
  status: z.enum(['busy', 'idle']),
  librariesOnline: count,
  runningSessions: z.array(
    z.object({
      sessionId: ids.sessionId,
      name: z.string(),
      state: z.string(),
      round: count.nullable(),
      version: count,
    }),
  ),
  queuedSessions: count,
  rentedSlots: count,
}) satisfies z.ZodType<RepoStatus>;

const poolStatus = z.object({
  nodes: z.array(nodeRecord),
  repos: count,
  activeSessions: count,
  slots: z.object({ total: count, rented: count }),
  rentals: z.array(rentalRecord),
  queues: z.record(z.string(), count),
  redis: z.object({ usedMemoryBytes: count, maxMemoryBytes: count, appendOnly: z.boolean() }),
}) satisfies z.ZodType<PoolStatus>;

const auditHead = z.object({ seq: count, sha256 });

/** By the name that the document gives them. */
export const ANSWERS = {
  Error: z.object({ error }),
  AuditEntry: auditEntry,
  Busy: z.object({ Busy: z.boolean() }),
  Empty: z.object({}),
  Evaluation: evaluation,
  Evaluations: z.object({ evaluations: z.array(evaluation) }),
  KeyCreated: z.object({
    keyId: ids.keyId,
    apiKey: z.string(),
    label: z.string(),
    expiresMs: ms.nullable(),
  }) satisfies z.ZodType<KeyCreated>,
  Keys: z.object({ keys: z.array(keyView) }),
  KeyRevoked: z.object({ revoked: z.literal(true) }),
  LibraryStatus: libraryStatus,
  Manifest: manifest.extend({ signed: signed.exactOptional() }),
  Model: modelRecord,
  ModelUploaded: modelRecord.extend({
    /** Of a Keras file: how it was compiled, as `hyperparams` of a job, and what is left out of it. */
    keras: z.object({ training: z.looseObject({}).nullable(), notes: z.array(z.string()) }).exactOptional(),
  }),
  Models: z.object({ models: z.array(modelView) }),
  PoolStatus: poolStatus,
  Proof: signed.extend({ successors: z.array(signed) }) satisfies z.ZodType<Proof>,
  Repo: repoRecord,
  RepoDeleted: z.object({
    deleted: z.literal(true),
    removed: z.object({
      keys: count,
      libraries: count,
      sessions: count,
      versions: count,
      models: count,
      testSets: count,
      auditEntries: count,
    }),
    auditHead,
  }) satisfies z.ZodType<RepoDeleted>,
  RepoStatus: repoStatus,
  Repos: z.object({ repos: z.array(repoRecord) }),
  Session: sessionView,
  Sessions: z.object({ sessions: z.array(sessionRow), total: count }),
  AssignmentCounts: z.object({
    round: count.nullable(),
    attempt: count.nullable(),
    counts: z.record(z.enum(ASSIGNMENT_STATES), count),
  }) satisfies z.ZodType<AssignmentCounts>,
  Alias: aliasView,
  Aliases: z.object({ aliases: z.array(aliasView) }),
  AliasRemoved: z.object({ deleted: z.literal(true) }),
  LibrarySession: z
    .object({
      ...row,
      version: count,
      reason: z.string().nullable(),
    })
    .omit({ repoId: true }),
  TestSet: testSetRecord,
  TestSets: z.object({ testSets: z.array(testSetRecord) }),
  TfjsModel: z.looseObject({ format: z.string(), modelTopology: z.looseObject({}) }),
  Topology: z.looseObject({}),
  UpdateAccepted: z.object({
    updateId: ids.updateId,
    duplicate: z.boolean(),
    received: count,
    needed: count,
  }) satisfies z.ZodType<UpdateAccepted>,
} as const;
export type AnswerName = keyof typeof ANSWERS;
