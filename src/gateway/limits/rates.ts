import type { Config } from '../../config/env.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { BucketSize, TokenBuckets } from '../../redis/token-buckets.js';

/** What is counted: by API key, by subject of tokens, and by address of whoever has shown neither. */
export type RateKind = 'key' | 'token' | 'address';

const NAMES = { key: 'RATE_PER_KEY', token: 'RATE_PER_TOKEN', address: 'RATE_PER_ADDRESS' } as const;
const WHOSE = { key: 'this API key', token: 'this subject', address: 'this address' } as const;

/** A gateway asks Redis for what passes in so much time at the full rate, and not for every request. */
const CHUNK_S = 0.05;
/** What it did not need of that for so long goes unused: other gateways had their share meanwhile. */
const KEEP_MS = 1_000;
/** Buckets that a gateway remembers; of more it asks again. */
const MAX_KNOWN = 20_000;

interface Allowance {
  left: number;
  untilMs: number;
  blockedUntilMs: number;
  waiting: number;
  asking: Promise<void> | null;
}

/**
 * Bounds how often one client asks, whichever gateways it asks: buckets are in Redis, and each gateway takes from them
 * in chunks, so that most requests cost nothing and those over the limit cost little.
 */
export class Rates {
  readonly #buckets: TokenBuckets;
  readonly #sizes: Record<RateKind, BucketSize>;
  readonly #known = new Map<string, Allowance>();

  constructor(buckets: TokenBuckets, config: Config) {
    const size = (perSecond: number): BucketSize => ({ perSecond, burst: perSecond * config.RATE_BURST_S });
    this.#buckets = buckets;
    this.#sizes = {
      key: size(config.RATE_PER_KEY),
      token: size(config.RATE_PER_TOKEN),
      address: size(config.RATE_PER_ADDRESS),
    };
  }

  /** Counts one request or event. @throws `rate_limited`, with the limit and when to come again */
  async take(kind: RateKind, of: string): Promise<void> {
    const size = this.#sizes[kind];
    if (size.perSecond === 0) return;
    const allowance = this.#allowance(kind, of);
    allowance.waiting++;
    try {
      for (;;) {
        const nowMs = performance.now();
        if (nowMs < allowance.blockedUntilMs) throw refusal(kind, size, allowance.blockedUntilMs - nowMs);
        if (allowance.left > 0 && nowMs < allowance.untilMs) break;
        allowance.asking ??= this.#ask(allowance, kind, of).finally(() => (allowance.asking = null));
        await allowance.asking;
      }
      allowance.left--;
    } finally {
      allowance.waiting--;
    }
  }

  /** It came from somebody with credentials: it counts for those, not for the address. */
  giveBack(kind: RateKind, of: string): void {
    const allowance = this.#known.get(`${kind} ${of}`);
    if (allowance !== undefined) allowance.left++;
  }

  async #ask(allowance: Allowance, kind: RateKind, of: string): Promise<void> {
    const size = this.#sizes[kind];
    const wanted = Math.max(1, Math.ceil(size.perSecond * CHUNK_S), allowance.waiting);
    const { tokens, waitMs } = await this.#buckets.take(kind, of, { ...size, wanted });
    const nowMs = performance.now();
    allowance.left = tokens;
    allowance.untilMs = nowMs + KEEP_MS;
    if (tokens === 0) allowance.blockedUntilMs = nowMs + waitMs;
  }

  #allowance(kind: RateKind, of: string): Allowance {
    const key = `${kind} ${of}`;
    const found = this.#known.get(key);
    if (found !== undefined) return found;
    if (this.#known.size >= MAX_KNOWN) {
      const oldest = this.#known.keys().next();
      if (oldest.done !== true) this.#known.delete(oldest.value);
    }
    const fresh = { left: 0, untilMs: 0, blockedUntilMs: 0, waiting: 0, asking: null };
    this.#known.set(key, fresh);
    return fresh;
  }
}

function refusal(kind: RateKind, { perSecond, burst }: BucketSize, waitMs: number): CloudNodeError {
  const text = `The pool takes ${perSecond} requests and events a second of ${WHOSE[kind]} (${NAMES[kind]}), ${burst} at once.`;
  // Those that were refused together do not come back together.
  return new CloudNodeError('rate_limited', text, {
    retryAfterMs: Math.ceil(waitMs + Math.random() * Math.max(200, waitMs)),
  });
}
