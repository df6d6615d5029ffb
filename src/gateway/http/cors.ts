import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
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

/** Credentials are headers that a script has to be given, never cookies that a browser would add by itself. */
export function cors(origins: Origins): RequestHandler {
  return (req, res, next) => {
    const { origin } = req.headers;
    res.vary('Origin');
    if (origin === undefined || !origins.allows(origin)) {
      if (req.method !== 'OPTIONS') return next();
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
    if (req.method !== 'OPTIONS') return next();
    res.set('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE');
    res.set(
      'Access-Control-Allow-Headers',
      'Authorization, Content-Type, If-None-Match, If-Range, Last-Event-ID, Library-Id, Range, X-Request-Id',
    );
    res.set('Access-Control-Max-Age', '86400');
    res.status(204).end();
  };
}

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
