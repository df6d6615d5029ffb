import { MAX_SUCCESSORS } from '../constants.js';
import type { SuccessorStatement } from '../identity.js';
import { asSigned, checkPublicKey, isSigned } from './signed.js';

/** The keys that are the pool's: those that were pinned, and those that a known one has handed over to. */
export class KnownKeys {
  /** Key → good from then on, ms since 1970. */
  readonly #keys = new Map<string, number>();

  /** @throws TypeError when a key is none, or there is none */
  constructor(pinned: string | readonly string[]) {
    for (const key of typeof pinned === 'string' ? [pinned] : pinned) {
      this.#keys.set(checkPublicKey(key), -Infinity);
    }
    if (this.#keys.size === 0) throw new TypeError('Give at least one key of the pool.');
  }

  /** Since when it is the pool's, ms since 1970; null: it is not. */
  since(publicKey: string): number | null {
    return this.#keys.get(publicKey) ?? null;
  }

  /** Takes over what follows from known keys, in order; anything else of the chain is nobody's business here. */
  async follow(chain: readonly unknown[]): Promise<void> {
    for (const link of chain.slice(0, MAX_SUCCESSORS)) {
      const signed = asSigned(link);
      const since = signed === null ? null : this.since(signed.publicKey);
      if (signed === null || since === null || !(await isSigned('successor', signed))) continue;
      const { publicKey, notBeforeMs } = JSON.parse(signed.statement) as SuccessorStatement;
      const known = this.since(publicKey) ?? Infinity;
      this.#keys.set(checkPublicKey(publicKey), Math.min(known, Math.max(since, notBeforeMs)));
    }
  }
}
