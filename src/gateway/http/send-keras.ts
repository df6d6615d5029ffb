import type { Request, Response } from 'express';
import * as z from 'zod';
import type { KerasFormat } from '../../keras/source.js';
import { parse } from '../../protocol/parse.js';
import type { GatewayContext } from '../context.js';
import { writeKerasFile } from '../service/keras-files.js';
import type { StoredModel } from '../service/whole-model.js';

export const KERAS_TYPES = { h5: 'application/x-hdf5', keras: 'application/zip' } as const;

const query = z.strictObject({ format: z.enum(['h5', 'keras']).optional() });

/** Whether a Keras file is asked for, and which. @throws `invalid_request` */
export function downloadFormat(req: Request): KerasFormat | undefined {
  return parse(query, req.query).format;
}

export async function sendKerasFile(
  ctx: GatewayContext,
  res: Response,
  file: { repoId: string; name: string; model: StoredModel; format: KerasFormat },
): Promise<void> {
  const { buffer, byteOffset, byteLength } = await writeKerasFile(ctx, file);
  res.attachment(`${file.name}.${file.format}`).type(KERAS_TYPES[file.format]);
  res.send(Buffer.from(buffer, byteOffset, byteLength));
}
