import { createHash, randomBytes, type Hash } from 'node:crypto';
import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { MAX_UPDATE_HEADER_BYTES } from '../../protocol/frame.js';
import { testSetHeader, type TestSetHeader, type TestSetRecord } from '../../protocol/model.js';
import { metrics } from '../../telemetry/metrics.js';
import { redisNowMs } from '../../redis/context.js';
import { sizeOfShape } from '../../tensors/tensor-specs.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from './in-background.js';
import { keepUpload, UPLOAD_TTL_MS, UPLOAD_WAIT_MS } from './keep-upload.js';
import { requireRoomFor } from './repo-limits.js';
import { readHeader } from '../intake/read-header.js';
import { placeBytes, receivePieces } from '../intake/receive-pieces.js';
import type { Upload } from './upload-model.js';
import { checkUploadSize } from './upload-size.js';

/** Stores a test set piece by piece, in place of one with the same id. @throws `invalid_test_set`, `payload_too_large` */
export async function uploadTestSet(
  ctx: GatewayContext,
  testSetId: string,
  upload: Upload,
): Promise<TestSetRecord> {
  const limit = ctx.config.MAX_MODEL_BYTES;
  ctx.watermark.check();
  checkUploadSize(upload.contentLength, limit);
  const { header, payloadAt } = await readHeader(upload.source, testSetHeader, MAX_UPDATE_HEADER_BYTES);
  const bytes = payloadBytes(header);
  checkUploadSize(payloadAt + bytes, limit);
  if (upload.contentLength !== null && upload.contentLength !== payloadAt + bytes)
    throw wrongLength(bytes, upload.contentLength - payloadAt);
  await requireRoomFor(ctx, upload.repoId, { kind: 'testSets', bytes, replaces: testSetId });
  const { scope, sha256, chunkCount } = await receive(ctx, upload, bytes);
  const createdMs = await redisNowMs(ctx.stores.context, upload.repoId);
  const record: TestSetRecord = {
    v: 1,
    testSetId,
    header,
    bytes,
    sha256,
    blob: scope,
    chunkCount,
    createdMs,
  };
  metrics.uploadBytes.inc({ kind: 'test_set' }, bytes);
  const before = await ctx.stores.models.putTestSet(upload.repoId, record);
  if (before !== null) inBackground(ctx, 'free', ctx.blobs.delete(testSetRefs(upload.repoId, before)));
  return record;
}

/** Where the pieces of a test set are. */
export function testSetRefs(repoId: string, testSet: Pick<TestSetRecord, 'blob' | 'chunkCount'>): BlobRef[] {
  return Array.from({ length: testSet.chunkCount }, (_, shard) => ({
    repoId,
    scope: testSet.blob,
    shard,
    name: blobName.testSet,
  }));
}

async function receive(
  ctx: GatewayContext,
  { repoId, source }: Upload,
  bytes: number,
): Promise<{ scope: string; sha256: string; chunkCount: number }> {
  const scope = `ts-${randomBytes(8).toString('hex')}`;
  const stored: BlobRef[] = [];
  const hash = createHash('sha256');
  try {
    await storePieces(ctx, { repoId, source, bytes, hash }, (shard) => {
      const ref = { repoId, scope, shard, name: blobName.testSet };
      stored.push(ref);
      return ref;
    });
    await keepUpload(ctx, stored);
    return { scope, sha256: hash.digest('hex'), chunkCount: stored.length };
  } catch (error) {
    inBackground(ctx, 'free', ctx.blobs.delete(stored));
    throw error;
  }
}

async function storePieces(
  ctx: GatewayContext,
  { repoId, source, bytes, hash }: Pick<Upload, 'repoId' | 'source'> & { bytes: number; hash: Hash },
  refOf: (shard: number) => BlobRef,
): Promise<void> {
  const payload = {
    totalBytes: bytes,
    pieceBytes: ctx.config.SHARD_PARAMS * 4,
    wrongLength: (got: number | null) => wrongLength(bytes, got),
  };
  const place = await ctx.intake.require(repoId, placeBytes(payload), UPLOAD_WAIT_MS);
  await receivePieces({ source, place }, payload, async ({ at, index, bytes: piece }) => {
    if (!(await ctx.intake.kernels.scan({ at, bytes: piece.length, encoding: 'f32', norm: false })).finite)
      throw new CloudNodeError('invalid_test_set', 'There is NaN or infinity among the values.');
    hash.update(piece);
    await ctx.blobs.put(refOf(index), piece, { ttlMs: UPLOAD_TTL_MS });
  }).finally(() => place.release());
}

function payloadBytes({ numExamples, inputShape, labelShape }: TestSetHeader): number {
  try {
    return 4 * sizeOfShape([numExamples, sizeOfShape(inputShape) + sizeOfShape(labelShape)]);
  } catch {
    throw new CloudNodeError('invalid_test_set', 'The shapes have more values than can be counted.');
  }
}

function wrongLength(expected: number, got: number | null): CloudNodeError {
  return new CloudNodeError(
    'invalid_test_set',
    `The header says ${expected} bytes of inputs and labels; ${got === null ? 'more' : String(got)} came after it.`,
  );
}
