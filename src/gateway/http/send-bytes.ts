import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { ParametersRef } from '../../protocol/model.js';
import type { GatewayContext } from '../context.js';
import { readParameters } from '../service/parameters.js';

/** What never changes is kept by whoever asked, and by nobody in between. */
const IMMUTABLE = 'private, max-age=31536000, immutable';

/**
 * Streams a parameter vector shard by shard, as fast as the client reads. A shard that is gone before the first byte
 * is an error answer; later it breaks the connection, so that nobody takes a part for the whole.
 */
export async function sendParameters(
  ctx: GatewayContext,
  { req, res }: { req: Request; res: Response },
  what: { repoId: string; parameters: ParametersRef },
): Promise<void> {
  const { repoId, parameters } = what;
  if (isNotModified(req, res, parameters.sha256)) return;
  const shards = readParameters(ctx, repoId, parameters);
  const first = await shards.next();
  res.set('Content-Type', 'application/octet-stream');
  res.set('Content-Length', String(parameters.paramCount * 4));
  if (req.method === 'HEAD' || first.done === true) {
    res.end();
    return;
  }
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    yield first.value;
    yield* shards;
  };
  try {
    await pipeline(Readable.from(rest(), { highWaterMark: 1 }), res);
  } catch (error) {
    // A client that goes away is its own affair.
    if (!isPrematureClose(error)) throw error;
  }
}

/** JSON that is stored as text and named by its hash. */
export function sendImmutableJson(
  { req, res }: { req: Request; res: Response },
  { json, sha256 }: { json: string; sha256: string },
): void {
  if (!isNotModified(req, res, sha256)) res.type('application/json').send(json);
}

/** Sets the headers of immutable content. @returns true when the client has it, and the answer is done */
function isNotModified(req: Request, res: Response, sha256: string): boolean {
  const etag = `"${sha256}"`;
  res.set('ETag', etag).set('Cache-Control', IMMUTABLE);
  // They belong to whoever may ask: the same URL with other credentials is another answer.
  res.vary('Authorization');
  const known = (req.get('If-None-Match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!known.includes(etag) && !known.includes('*')) return false;
  res.status(304).end();
  return true;
}

function isPrematureClose(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
}
