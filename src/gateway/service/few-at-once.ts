import { CloudNodeError } from '../../protocol/errors.js';

const RETRY_AFTER_MS = 2_000;

/** Bounds work that takes much memory, in all and for one Repo. Nobody waits: another gateway may have room. */
export class FewAtOnce {
  readonly #limits: { total: number; perRepo: number };
  readonly #running = new Map<string, number>();
  #total = 0;

  constructor(limits: { total: number; perRepo: number }) {
    this.#limits = limits;
  }

  /** @throws `gateway_busy` when as many run already */
  async run<T>(repoId: string, work: () => Promise<T>): Promise<T> {
    const { total, perRepo } = this.#limits;
    const ofRepo = this.#running.get(repoId) ?? 0;
    if (this.#total >= total || ofRepo >= perRepo)
      throw new CloudNodeError(
        'gateway_busy',
        `This gateway converts ${total} models at once, ${perRepo} of one Repo, and they are not done yet.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    this.#total += 1;
    this.#running.set(repoId, ofRepo + 1);
    try {
      return await work();
    } finally {
      this.#total -= 1;
      const left = (this.#running.get(repoId) ?? 1) - 1;
      if (left === 0) this.#running.delete(repoId);
      else this.#running.set(repoId, left);
    }
  }
}
