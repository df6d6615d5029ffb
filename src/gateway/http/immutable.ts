import type { Request, Response } from 'express';

/** What never changes is kept by whoever asked, and by nobody in between. */
const IMMUTABLE = 'private, max-age=31536000, immutable';

/** JSON that is stored as text and named by its hash. */
export function sendImmutableJson(
  { req, res }: { req: Request; res: Response },
  { json, sha256 }: { json: string; sha256: string },
): void {
  if (answerNotModified({ req, res }, sha256)) return;
  setImmutable(res, sha256);
  res.type('application/json').send(json);
}

/** Headers of immutable content. */
export function setImmutable(res: Response, sha256: string): void {
  res.set('ETag', `"${sha256}"`).set('Cache-Control', IMMUTABLE);
  // They belong to whoever may ask: the same URL with other credentials is another answer.
  res.vary('Authorization');
}

/** @returns true when the client has it, and the answer is done */
export function answerNotModified({ req, res }: { req: Request; res: Response }, sha256: string): boolean {
  const known = (req.get('If-None-Match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!known.includes(`"${sha256}"`) && !known.includes('*')) return false;
  setImmutable(res, sha256);
  res.status(304).end();
  return true;
}
