import type { Request } from 'express';
import { CloudNodeError } from '../../protocol/errors.js';
import { directBody } from '../direct/direct-request.js';
import { ByteSource, type Pace } from '../intake/byte-source.js';
import { streamInlet } from '../intake/inlet.js';

/** Reads the body as a stream, and lets go of it before anything is answered: what is left of it can be discarded then. */
export async function withBody<T>(req: Request, read: (source: ByteSource) => Promise<T>): Promise<T> {
  requirePlain(req.get('Content-Encoding'));
  const body = directBody(req);
  const source = new ByteSource(
    (events) => body?.listen(events) ?? streamInlet(req, events),
    req.app.locals['pace'] as Pace,
  );
  try {
    return await read(source);
  } finally {
    source.release();
  }
}

/** Nothing is unpacked, so nothing small becomes large. @throws `invalid_request` */
function requirePlain(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  throw new CloudNodeError(
    'invalid_request',
    'Content-Encoding: bodies are taken as they are, without compression.',
  );
}
