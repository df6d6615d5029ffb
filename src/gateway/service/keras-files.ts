import { Readable } from 'node:stream';
import { CloudNodeError } from '../../protocol/errors.js';
import { frameHead } from '../../protocol/frame.js';
import type { ModelRecord } from '../../protocol/model.js';
import { KERAS_LIMITS, type KerasLimits } from '../../keras/limits.js';
import type { KerasModel } from '../../keras/read-keras-model.js';
import type { KerasFormat } from '../../keras/source.js';
import type { GatewayContext } from '../context.js';
import { ByteSource } from '../intake/byte-source.js';
import { uploadModel, type Upload } from './upload-model.js';
import { readWholeModel, type StoredModel } from './whole-model.js';

/** What came of a Keras file: the model, and how it was compiled as defaults of a job. */
export type KerasUpload = ModelRecord & { readonly keras: Pick<KerasModel, 'training' | 'notes'> };

/**
 * Converts a Keras file and stores it as any other model. The file is in memory meanwhile, so only few at once are.
 * @throws `payload_too_large`, `invalid_model`, `model_unsupported`, `gateway_busy`, and as {@link uploadModel}
 */
export async function uploadKerasFile(
  ctx: GatewayContext,
  upload: Upload & { readonly name: string | undefined },
): Promise<KerasUpload> {
  const limit = ctx.config.MAX_KERAS_BYTES;
  ctx.watermark.check();
  if (upload.contentLength !== null && upload.contentLength > limit)
    throw tooLarge(upload.contentLength, limit);
  return ctx.conversions.run(upload.repoId, async () => {
    const bytes = await readAll(upload, limit);
    const { topology, tensors, parameters, training, notes, name } = await ctx.keras.read(
      bytes,
      limitsOf(ctx),
    );
    const head = frameHead({ name: upload.name ?? name.slice(0, 128), topology, tensors });
    const payload = new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength);
    const record = await uploadModel(ctx, {
      repoId: upload.repoId,
      source: ByteSource.from(Readable.from([head, payload])),
      contentLength: head.length + payload.length,
    });
    return { ...record, keras: { training, notes } };
  });
}

/** @throws `payload_too_large`, `model_unsupported`, `gateway_busy` */
export async function writeKerasFile(
  ctx: GatewayContext,
  { repoId, model, format }: { repoId: string; model: StoredModel; format: KerasFormat },
): Promise<Uint8Array> {
  const { paramCount } = model.parameters;
  const limit = ctx.config.MAX_KERAS_BYTES;
  if (paramCount * 4 > limit)
    throw new CloudNodeError(
      'payload_too_large',
      `The model has ${paramCount * 4} bytes; MAX_KERAS_BYTES of this pool is ${limit}. Convert it yourself: cloud-node download.`,
    );
  return ctx.conversions.run(repoId, async () =>
    ctx.keras.write({ ...(await readWholeModel(ctx, repoId, model)), format }),
  );
}

function limitsOf({ config: { MAX_KERAS_BYTES, MAX_MODEL_BYTES } }: GatewayContext): KerasLimits {
  const maxParameterBytes = Math.min(MAX_KERAS_BYTES, MAX_MODEL_BYTES);
  return { ...KERAS_LIMITS, maxFileBytes: MAX_KERAS_BYTES, maxParameterBytes };
}

/** The buffer grows with what comes: what a sender says about the length costs nothing yet. */
async function readAll({ source, contentLength }: Upload, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(Math.min(contentLength ?? FIRST_BYTES, FIRST_BYTES, limit));
  let filled = 0;
  for (;;) {
    filled += await source.readInto(bytes.subarray(filled));
    if (filled < bytes.length) return bytes.slice(0, filled);
    if (await source.atEnd()) return bytes;
    if (filled >= limit) throw tooLarge(null, limit);
    const larger = new Uint8Array(Math.min(limit, Math.max(FIRST_BYTES, filled * 2)));
    larger.set(bytes);
    bytes = larger;
  }
}

const FIRST_BYTES = 1024 * 1024;

function tooLarge(bytes: number | null, limit: number): CloudNodeError {
  const what = bytes === null ? 'has more bytes than that' : `has ${bytes} bytes`;
  return new CloudNodeError(
    'payload_too_large',
    `MAX_KERAS_BYTES of this pool is ${limit}; the file ${what}. Convert it yourself: cloud-node upload.`,
  );
}
