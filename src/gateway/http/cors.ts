import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { CloudNodeError } from '../../protocol/errors.js';

/** What `CORS_ORIGINS` says: pages of these origins may call; none: only the pool's own. */
export class Origins {
  readonly #any: boolean;
  readonly #allowed: ReadonlySet<string>;

  constructor(list: string | undefined) {
    this.#any = list === '*';
    this.#allowed = new Set(list?.split(','));
  }

  allows(origin: string): boolean {
    return this.#any || this.#allowed.has(origin);
  }

  /** A socket's handshake has no preflight: the gateway itself looks where it comes from. No browser, no origin. */
  admits({ headers: { origin, host } }: Pick<IncomingMessage, 'headers'>): boolean {
    return origin === undefined || this.allows(origin) || isOwn(origin, host);
  }
}

/**
 * Credentials are headers that a script has to be given, never cookies that a browser would add by itself.
 * @returns true when the request was a preflight, and is answered
 * @throws `forbidden` for the preflight of a page that may not call
 */
export function cors(origins: Origins, req: Request, res: Response): boolean {
  const { origin } = req.headers;
  res.setHeader('Vary', 'Origin');
  if (origin === undefined || !origins.allows(origin)) {
    if (req.method !== 'OPTIONS') return false;
    throw new CloudNodeError(
      'forbidden',
      'Pages of this origin may not call: CORS_ORIGINS does not name it.',
    );
  }
  res.set('Access-Control-Allow-Origin', origin);
  res.set(
    'Access-Control-Expose-Headers',
    'Accept-Ranges, Audit-Head, Content-Range, ETag, Protocol-Version, Retry-After, X-Request-Id',
  );
  if (req.method !== 'OPTIONS') return false;
  res.set('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE');
  res.set(
    'Access-Control-Allow-Headers',
    'Authorization, Content-Type, If-None-Match, If-Range, Last-Event-ID, Library-Id, Range, X-Request-Id',
  );
  res.set('Access-Control-Max-Age', '86400');
  res.status(204).end();
  return true;
}

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
