import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import type { CloudNodeError } from '../../protocol/errors.js';
import { directBody } from '../direct/direct-request.js';

/** Node itself discards what is left of a body of this size; more is worth closing the connection for. */
const SMALL_BYTES = 64 * 1024;
/** How long the rest of a body is thrown away, so that the sender reads the answer instead of a reset. */
const LINGER_MS = 2_000;

/** Answers with JSON, also when the request's body was not read to its end. */
export async function answerJson(req: Request, res: Response, status: number, body: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(body));
  res.status(status).set('Content-Type', 'application/json; charset=utf-8');
  res.set('Content-Length', String(bytes.length));
  if (!hasLargeRest(req)) {
    res.end(bytes);
    return;
  }
  // The answer is complete by its length; the connection ends when the sender has had time to read it.
  res.set('Connection', 'close');
  res.write(bytes);
  await discard(req);
  res.end();
}

export async function answerError(req: Request, res: Response, error: CloudNodeError): Promise<void> {
  if (error.retryAfterMs !== undefined) res.set('Retry-After', String(Math.ceil(error.retryAfterMs / 1000)));
  await answerJson(req, res, error.status, { error: error.toWire() });
}

/** Length of the body as the sender says it; null: chunked. */
export function contentLength(req: IncomingMessage): number | null {
  const text = req.headers['content-length'];
  if (text !== undefined) return Number(text);
  return req.headers['transfer-encoding'] === undefined ? 0 : null;
}

function hasLargeRest(req: IncomingMessage): boolean {
  const direct = directBody(req);
  if (direct !== null) return direct.unread > 0;
  const length = contentLength(req);
  return !req.complete && (length === null || length > SMALL_BYTES);
}

async function discard(req: IncomingMessage): Promise<void> {
  if (req.socket.destroyed) return;
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, LINGER_MS)));
  await Promise.race([enough, directBody(req)?.discard() ?? discardStream(req)]);
  clearTimeout(timer);
}

async function discardStream(req: IncomingMessage): Promise<void> {
  if (req.complete) return;
  await new Promise<void>((resolve) => {
    const done = (): void => resolve();
    req.once('end', done).once('close', done).once('error', done).resume();
  });
}
