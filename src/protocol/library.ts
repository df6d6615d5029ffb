import * as z from 'zod';
import { UPDATE_ENCODINGS, type UpdateEncoding } from '../core/encoding.js';
import type { Job } from '../core/job.js';
import * as ids from './ids.js';
import type { Signed } from './identity.js';
import type { DownloadRef, ParametersRef } from './model.js';
import { nonce } from './proof.js';

/** Sent when a socket connects to `/library` (Socket.IO `auth`). */
export const libraryAuth = z.strictObject({
  apiKey: z.string().min(1).max(512),
  libraryId: ids.libraryId,
  protocolVersion: z.int(),
});

const datasets = z
  .array(
    z.strictObject({
      datasetId: ids.datasetId,
      numExamples: z
        .int()
        .min(1)
        .max(2 ** 29 - 1),
    }),
  )
  .min(1)
  .max(64);

/** Names one lease: the session, round and attempt that a Library was assigned to. */
export const assignmentKey = z.strictObject({
  sessionId: ids.sessionId,
  round: z.int().min(1),
  attempt: z.int().min(1),
});
export type AssignmentKey = z.infer<typeof assignmentKey>;

/** Says what data a Library holds, and that it is there. Repeat it whenever the data changes. */
export const join = z.strictObject({ datasets, nonce: nonce.optional() });
/** "I am here": HTTP-only Libraries repeat it every `heartbeatMs`; for sockets the gateway does it. */
export const heartbeat = z.strictObject({ nonce: nonce.optional() });
export const getAssignment = z.strictObject({ nonce: nonce.optional() });
export const acceptAssignment = assignmentKey;
/** Not now (battery, busy, no such data set): somebody else is asked. */
export const declineAssignment = assignmentKey.extend({ reason: z.string().max(500).default('') });
/** Training broke; the session goes on without this Library's update. */
export const failAssignment = assignmentKey.extend({ reason: z.string().max(500).default('') });
/** How far local training is; shown, never needed. */
export const reportProgress = assignmentKey.extend({
  epoch: z.int().min(0),
  epochs: z.int().min(1),
  metrics: ids.metrics.default({}),
});

/** Header of an update frame; the payload is `local − global` over all parameters, shard by shard in the encoding. */
export const updateHeader = assignmentKey.extend({
  /** Chosen by the Library for this trained update: sending it again is safe. */
  updateId: ids.updateId,
  numExamples: z
    .int()
    .min(1)
    .max(2 ** 29 - 1),
  encoding: z.enum(UPDATE_ENCODINGS).default('f32'),
  metrics: ids.metrics.default({}),
  evaluation: ids.metrics.nullable().default(null),
});
export type UpdateHeader = z.infer<typeof updateHeader>;

/** What a Library is asked to do. */
export interface Assignment extends AssignmentKey {
  readonly repoId: string;
  readonly state: 'offered' | 'accepted' | 'received';
  readonly jobName: string;
  readonly datasetId: string | null;
  readonly hyperparams: Job['hyperparams'];
  readonly clipNorm: number | null;
  readonly maxMagnitude: number;
  /** Of the update. */
  readonly encoding: UpdateEncoding;
  /** Whether to score the received version on local data before training. */
  readonly evaluate: boolean;
  /** The global model to start from: version `round − 1`. */
  readonly version: number;
  readonly parameters: ParametersRef;
  /** How to download it instead, when the job asks for a smaller encoding and the version fits into it. */
  readonly download: DownloadRef | null;
  readonly topologySha256: string;
  /** Time left in the round, when this was written. */
  readonly remainingMs: number;
}

/** Answer to `join`, `heartbeat` and `assignment:get`. */
export interface LibraryStatus {
  readonly libraryId: string;
  readonly assignment: Assignment | null;
  /** Ask again after this long when no hint comes before. */
  readonly pollMs: number;
  /** HTTP-only Libraries: how often to say that they are there. */
  readonly heartbeatMs: number;
  /** A {@link StatusStatement}, when the question had a nonce and the pool has a key. */
  readonly signed?: Signed;
}

/** The hashes of shards are left out: the root hash stands for them. */
export type Unsharded<T> = Omit<T, 'shards'>;

/** Statement of kind `status`: who was told what, and in answer to which question. */
export interface StatusStatement extends Omit<LibraryStatus, 'assignment' | 'signed'> {
  readonly repoId: string;
  readonly nonce: string;
  readonly assignment:
    | (Omit<Assignment, 'parameters' | 'download'> & {
        readonly parameters: Unsharded<ParametersRef>;
        readonly download: Unsharded<DownloadRef> | null;
      })
    | null;
}

export interface UpdateAccepted {
  readonly updateId: string;
  /** True when this very update had been counted before. */
  readonly duplicate: boolean;
  readonly received: number;
  readonly needed: number;
}

export { MAX_INLINE_UPDATE_BYTES } from './constants.js';
