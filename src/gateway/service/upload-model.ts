import { createHash, randomBytes } from 'node:crypto';
import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { MAX_MODEL_HEADER_BYTES } from '../../protocol/frame.js';
import { modelUploadHeader, type ModelRecord, type ModelUploadHeader } from '../../protocol/model.js';
import { metrics } from '../../telemetry/metrics.js';
import { redisNowMs } from '../../redis/context.js';
import { rootHash } from '../../tensors/hash.js';
import { countParams } from '../../tensors/tensor-specs.js';
import type { GatewayContext } from '../context.js';
import type { ByteSource } from '../intake/byte-source.js';
import { inBackground } from './in-background.js';
import { keepUpload, UPLOAD_TTL_MS, UPLOAD_WAIT_MS } from './keep-upload.js';
import { requireRoomFor } from './repo-limits.js';
import { readHeader } from '../intake/read-header.js';
import { placeBytes, receivePieces } from '../intake/receive-pieces.js';
import { checkUploadSize } from './upload-size.js';

export interface Upload {
  readonly repoId: string;
  readonly source: ByteSource;
  /** Of the whole frame; null when the sender does not say. */
  readonly contentLength: number | null;
}

/**
 * Stores a model shard by shard. Its id follows from its content, so uploading it again gives the record that is there.
 * @throws `invalid_model`, `payload_too_large`, `quota_exceeded`, `storage_full`
 */
export async function uploadModel(ctx: GatewayContext, upload: Upload): Promise<ModelRecord> {
  const limit = ctx.config.MAX_MODEL_BYTES;
  ctx.watermark.check();
  checkUploadSize(upload.contentLength, limit);
  const { header, payloadAt } = await readHeader(
    upload.source,
    modelUploadHeader,
    Math.min(MAX_MODEL_HEADER_BYTES, limit),
  );
  const bytes = payloadBytes(header);
  checkParameters(bytes / 4, ctx.config.MAX_PARAMETERS);
  checkUploadSize(payloadAt + bytes, limit);
  if (upload.contentLength !== null && upload.contentLength !== payloadAt + bytes)
    throw wrongLength(bytes, upload.contentLength - payloadAt);
  await requireRoomFor(ctx, upload.repoId, { kind: 'models', bytes });
  const problem = await ctx.models.check({ topology: header.topology, tensors: header.tensors });
  if (problem !== null) throw new CloudNodeError('invalid_model', problem);
  return receiveModel(ctx, upload, header);
}

async function receiveModel(
  ctx: GatewayContext,
  upload: Upload,
  header: ModelUploadHeader,
): Promise<ModelRecord> {
  const scope = `up-${randomBytes(8).toString('hex')}`;
  const stored: BlobRef[] = [];
  try {
    const shards = await storeShards(ctx, upload, { scope, bytes: payloadBytes(header), stored });
    const record = await describe(ctx, header, { repoId: upload.repoId, scope, shards });
    await ctx.stores.models.putTopology(upload.repoId, {
      sha256: record.topologySha256,
      json: JSON.stringify(header.topology),
    });
    metrics.uploadBytes.inc({ kind: 'model' }, payloadBytes(header));
    const kept = await ctx.stores.models.add(upload.repoId, record);
    if (kept.parameters.scope !== scope) inBackground(ctx, 'free', ctx.blobs.delete(stored));
    return kept;
  } catch (error) {
    // Without an answer from Redis the record may be there: then its bytes must stay.
    if (error instanceof CloudNodeError) inBackground(ctx, 'free', ctx.blobs.delete(stored));
    throw error;
  }
}

async function storeShards(
  ctx: GatewayContext,
  { repoId, source }: Upload,
  { scope, bytes, stored }: { scope: string; bytes: number; stored: BlobRef[] },
): Promise<string[]> {
  const shards: string[] = [];
  const { SHARD_PARAMS } = ctx.config;
  const payload = {
    totalBytes: bytes,
    pieceBytes: SHARD_PARAMS * 4,
    wrongLength: (got: number | null) => wrongLength(bytes, got),
  };
  const place = await ctx.intake.require(repoId, placeBytes(payload), UPLOAD_WAIT_MS);
  const receiving = receivePieces({ source, place }, payload, async ({ at, index: shard, bytes: piece }) => {
    if (!(await ctx.intake.kernels.scan({ at, bytes: piece.length, encoding: 'f32', norm: false })).finite) {
      const first = shard * SHARD_PARAMS;
      throw new CloudNodeError(
        'invalid_model',
        `There is NaN or infinity between parameters ${first} and ${first + piece.length / 4 - 1}.`,
      );
    }
    const sha256 = createHash('sha256').update(piece).digest('hex');
    shards[shard] = sha256;
    const ref = { repoId, scope, shard, name: blobName.parameters(sha256) };
    stored.push(ref);
    await ctx.blobs.put(ref, piece, { ttlMs: UPLOAD_TTL_MS });
  });
  await receiving.finally(() => place.release());
  await keepUpload(ctx, stored);
  return shards;
}

async function describe(
  ctx: GatewayContext,
  header: ModelUploadHeader,
  { repoId, scope, shards }: { repoId: string; scope: string; shards: string[] },
): Promise<ModelRecord> {
  const sha256 = await rootHash(shards);
  const topologySha256 = createHash('sha256').update(JSON.stringify(header.topology)).digest('hex');
  const id = createHash('sha256').update(topologySha256).update(sha256).digest('hex').slice(0, 24);
  const { name, format, tensors } = header;
  return {
    v: 1,
    modelId: `m-${id}`,
    name,
    format,
    topologySha256,
    tensors,
    parameters: {
      scope,
      version: 0,
      sha256,
      shards,
      shardParams: ctx.config.SHARD_PARAMS,
      paramCount: countParams(tensors),
    },
    createdMs: await redisNowMs(ctx.stores.context, repoId),
    trainedBy: null,
  };
}

function payloadBytes({ tensors }: ModelUploadHeader): number {
  let params = 0;
  try {
    params = countParams(tensors);
  } catch {
    // A product that no number holds exactly is no model either.
  }
  if (params < 1 || !Number.isSafeInteger(params * 4))
    throw new CloudNodeError('invalid_model', 'The tensors have no values, or more than can be counted.');
  return params * 4;
}

function checkParameters(count: number, most: number): void {
  if (count <= most) return;
  throw new CloudNodeError(
    'payload_too_large',
    `The model has ${count} parameters; MAX_PARAMETERS of this pool is ${most}.`,
  );
}

function wrongLength(expected: number, got: number | null): CloudNodeError {
  return new CloudNodeError(
    'invalid_model',
    `The tensors add up to ${expected} bytes; ${got === null ? 'more' : String(got)} came after the header.`,
  );
}
