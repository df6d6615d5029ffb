import * as z from 'zod';
import type { Signed } from './identity.js';
import * as ids from './ids.js';

/** A tensor of the flat parameter vector; order is that of `model.getWeights()`. */
export const tensorSpec = z.strictObject({
  name: z.string().min(1).max(256),
  shape: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 31),
    )
    .max(8),
  dtype: z.literal('float32'),
});
export type TensorSpec = z.infer<typeof tensorSpec>;

const tensors = z.array(tensorSpec).min(1).max(10_000);

/** Header of a model upload; the payload is all tensors as f32 LE, flattened and concatenated in order. */
export const modelUploadHeader = z.strictObject({
  name: z.string().min(1).max(128).default('model'),
  format: z.literal('tfjs-layers').default('tfjs-layers'),
  /** `modelTopology` of a TF.js layers model. */
  topology: z.record(z.string(), z.unknown()),
  tensors,
});
export type ModelUploadHeader = z.infer<typeof modelUploadHeader>;

/** Where a parameter vector lives and what it is: immutable. */
export const parametersRef = z.strictObject({
  /** Model or session that owns the bytes, and the version under it. */
  scope: z.string(),
  version: z.int().min(0),
  /** SHA-256 over the concatenated SHA-256 digests of the shards, hex. */
  sha256: z.string().length(64),
  shards: z.array(z.string().length(64)),
  shardParams: z.int().min(1),
  paramCount: z.int().min(1),
});
export type ParametersRef = z.infer<typeof parametersRef>;

/** The same parameters in another encoding, and how to check its bytes: hashes as in {@link parametersRef}. */
export interface DownloadRef {
  readonly encoding: 'f16';
  readonly sha256: string;
  readonly shards: readonly string[];
}

export const modelRecord = z.strictObject({
  v: z.literal(1),
  modelId: ids.modelId,
  name: z.string(),
  format: z.literal('tfjs-layers'),
  topologySha256: z.string().length(64),
  tensors,
  parameters: parametersRef,
  createdMs: z.int(),
  /** The session that trained it; null for an uploaded model. */
  trainedBy: z.strictObject({ sessionId: ids.sessionId, version: z.int().min(0) }).nullable(),
});
export type ModelRecord = z.infer<typeof modelRecord>;

/** What a Library needs to build and check a model version. */
export const manifest = z.strictObject({
  sessionId: ids.sessionId,
  version: z.int().min(0),
  format: z.literal('tfjs-layers'),
  topologySha256: z.string().length(64),
  tensors,
  parameters: parametersRef,
});
export type Manifest = z.infer<typeof manifest>;

/** Statement of kind `manifest`; the hashes of shards are left out, since the root hash stands for them. */
export interface ManifestStatement extends Omit<Manifest, 'parameters'> {
  readonly repoId: string;
  readonly parameters: Omit<ParametersRef, 'shards'>;
}

/** Answer of the routes of a version; signed when the pool has a key. */
export interface SignedManifest extends Manifest {
  readonly signed?: Signed;
}

/** Header of a test set upload; the payload is all inputs as f32 LE, then all labels as f32 LE. */
export const testSetHeader = z.strictObject({
  numExamples: z.int().min(1).max(100_000_000),
  /** Shape of one input and of one label, without the batch dimension. */
  inputShape: z
    .array(
      z
        .int()
        .min(1)
        .max(2 ** 24),
    )
    .min(1)
    .max(6),
  labelShape: z
    .array(
      z
        .int()
        .min(1)
        .max(2 ** 24),
    )
    .max(6),
});
export type TestSetHeader = z.infer<typeof testSetHeader>;

export const testSetRecord = z.strictObject({
  v: z.literal(1),
  testSetId: ids.testSetId,
  header: testSetHeader,
  bytes: z.int(),
  sha256: z.string().length(64),
  blob: z.string(),
  chunkCount: z.int().min(1),
  createdMs: z.int(),
});
export type TestSetRecord = z.infer<typeof testSetRecord>;
