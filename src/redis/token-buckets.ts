import { createHash } from 'node:crypto';
import type { RedisContext } from './context.js';
import { runScript } from './run-script.js';

/** A rate with room for bursts. */
export interface BucketSize {
  readonly perSecond: number;
  /** Tokens that a full bucket holds. */
  readonly burst: number;
}

export interface Taken {
  /** 0 to as many as were wanted. */
  readonly tokens: number;
  /** Until there is one again, when there was none, ms. */
  readonly waitMs: number;
}

/** Token buckets that all gateways of the pool share. */
export class TokenBuckets {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** @param of whose bucket of that kind; any text, it is not kept */
  async take(kind: string, of: string, size: BucketSize & { readonly wanted: number }): Promise<Taken> {
    const { redis, keys } = this.#context;
    const hash = createHash('sha256').update(of).digest('base64url').slice(0, 22);
    const [tokens, waitMs] = (await runScript(redis, 'takeTokens', {
      keys: [keys.rate(kind, hash)],
      args: [size.perSecond, size.burst, size.wanted],
    })) as [number, number];
    return { tokens, waitMs };
  }
}
