import type { Request } from 'express';
import type * as z from 'zod';
import { CloudNodeError } from '../../protocol/errors.js';
import { parse, readJsonBytes } from '../../protocol/parse.js';
import { contentLength } from './answer.js';
import { withBody } from './with-body.js';

/** The body as JSON, checked; an empty one is `{}`. @throws `payload_too_large`, `invalid_request` */
export async function readJson<S extends z.ZodType>(
  req: Request,
  schema: S,
  maxBytes: number,
): Promise<z.infer<S>> {
  return parse(schema, await readAnyJson(req, maxBytes));
}

/** The body as JSON, not looked at. */
export async function readAnyJson(req: Request, maxBytes: number): Promise<unknown> {
  const length = contentLength(req);
  if (length !== null && length > maxBytes) throw tooLarge(maxBytes);
  const buffer = new Uint8Array(length ?? maxBytes);
  const got = await withBody(req, async (source) => {
    const filled = await source.readInto(buffer);
    if (!(await source.atEnd())) throw tooLarge(maxBytes);
    return filled;
  });
  if (got === 0) return {};
  return readJsonBytes(buffer.subarray(0, got));
}

function tooLarge(maxBytes: number): CloudNodeError {
  return new CloudNodeError('payload_too_large', `A JSON body may have ${maxBytes} bytes (MAX_JSON_BYTES).`);
}
