import type { Request, Response } from 'express';
import * as z from 'zod';
import { DOWNLOAD_ENCODINGS, shardBytes, type DownloadEncoding } from '../../core/encoding.js';
import type { ParametersRef } from '../../protocol/model.js';
import { parse } from '../../protocol/parse.js';
import { metrics } from '../../telemetry/metrics.js';
import type { GatewayContext } from '../context.js';
import { drained } from '../limits/slow-readers.js';
import { readParameters } from '../service/parameters.js';
import { requestedRange, type ByteRange } from './byte-range.js';
import { answerNotModified, setImmutable } from './immutable.js';

const query = z.object({ encoding: z.enum(DOWNLOAD_ENCODINGS).default('f32') });

export interface Weights {
  readonly repoId: string;
  readonly parameters: ParametersRef;
}

/** The encoding that `?encoding=` asks for. @throws `invalid_request` */
export function downloadEncoding(req: Request): DownloadEncoding {
  return parse(query, { encoding: req.query['encoding'] }).encoding;
}

/**
 * Streams a parameter vector, or a range of its bytes, shard by shard, as fast as the client reads. A shard that is gone
 * before the first byte is an error answer; later it breaks the connection, so that nobody takes a part for the whole.
 */
export async function sendWeights(
  ctx: GatewayContext,
  { req, res }: { req: Request; res: Response },
  { repoId, parameters }: Weights,
  encoding: DownloadEncoding = 'f32',
): Promise<void> {
  const { sha256 } = encoding === 'f16' ? await ctx.halves.ref(repoId, parameters) : parameters;
  if (answerNotModified({ req, res }, sha256)) return;
  const totalBytes = shardBytes(encoding, parameters.paramCount);
  const range = requestedRange({ req, res }, { etag: `"${sha256}"`, totalBytes });
  const { start, end } = range ?? { start: 0, end: totalBytes };

  const chunks = readRange(ctx, { repoId, parameters }, { encoding, start, end });
  // Before any header, which an error would keep.
  const first = await chunks.next();
  setImmutable(res, sha256);
  res.set('Accept-Ranges', 'bytes').set('Content-Type', 'application/octet-stream');
  res.set('Content-Length', String(end - start));
  if (range !== null) res.status(206).set('Content-Range', `bytes ${start}-${end - 1}/${totalBytes}`);
  if (req.method === 'HEAD' || first.done === true) {
    res.end();
    return;
  }
  let left = end - start;
  for (let next: IteratorResult<Piece> = first; next.done !== true; next = await chunks.next()) {
    const { bytes, release } = next.value;
    // A client that goes away is its own affair; what it did not take is not released.
    const written = (error?: Error | null): void => void (error ?? release());
    left -= bytes.length;
    if (left === 0) return void res.end(bytes, written);
    if (!res.write(bytes, written) && !(await drained(res, ctx.config.BODY_IDLE_MS))) return;
  }
  res.end();
}

interface Piece {
  readonly bytes: Uint8Array;
  /** When they were written to the client. */
  readonly release: () => void;
}

/** The bytes of the range, a shard or a part of one at a time. */
async function* readRange(
  ctx: GatewayContext,
  { repoId, parameters }: Weights,
  { encoding, start, end }: ByteRange & { readonly encoding: DownloadEncoding },
): AsyncGenerator<Piece> {
  const pieceBytes = shardBytes(encoding, parameters.shardParams);
  const shards = { first: Math.floor(start / pieceBytes), end: Math.ceil(end / pieceBytes) };
  let at = shards.first * pieceBytes;
  for await (const shard of readParameters(ctx.shards, repoId, parameters, shards)) {
    const whole = encoding === 'f16' ? ctx.halves.encode(shard, parameters) : shard;
    const bytes = whole.subarray(Math.max(0, start - at), end - at);
    metrics.downloadBytes.inc({ encoding }, bytes.length);
    yield { bytes, release: () => ctx.shards.release(shard) };
    at += whole.length;
  }
}
