import type { Request } from 'express';
import { ByteSource } from '../intake/byte-source.js';

/** Reads the body as a stream, and lets go of it before anything is answered: what is left of it can be discarded then. */
export async function withBody<T>(req: Request, read: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = ByteSource.from(req);
  try {
    return await read(source);
  } finally {
    source.release();
  }
}
