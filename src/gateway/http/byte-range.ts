import type { Request, Response } from 'express';
import { CloudNodeError } from '../../protocol/errors.js';

/** Bytes [start, end). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range of bytes that a request asks for; null: everything. As RFC 9110 allows, what is not understood (another
 * unit, several ranges) counts as not asked for, and so does a range of another representation (`If-Range`).
 * @throws `range_not_satisfiable`, with the length in `Content-Range`
 */
export function requestedRange(
  { req, res }: { req: Request; res: Response },
  { etag, totalBytes }: { readonly etag: string; readonly totalBytes: number },
): ByteRange | null {
  const condition = req.get('If-Range');
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(req.get('Range') ?? '') ?? [];
  if (first === undefined || last === undefined || (condition !== undefined && condition !== etag))
    return null;
  if (first === '' && last === '') return null;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null;
  // Without a first byte it is the last so many.
  const start = first === '' ? Math.max(0, totalBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? totalBytes : Math.min(totalBytes, Number(last) + 1);
  if (start < end) return { start, end };
  res.set('Content-Range', `bytes */${totalBytes}`);
  throw new CloudNodeError(
    'range_not_satisfiable',
    `There are ${totalBytes} bytes; the range has none of them.`,
  );
}
