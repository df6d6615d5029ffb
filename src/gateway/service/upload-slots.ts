import { CloudNodeError } from '../../protocol/errors.js';
import { metrics } from '../../telemetry/metrics.js';

interface Waiting {
  readonly repoId: string;
  enter(): void;
}

/**
 * Bounds how many uploads are read at once, in all and for one Repo: memory stays flat, and a Repo with many slow
 * uploads leaves room for others. Who waits is not read from, so the sender waits too.
 */
export class UploadSlots {
  readonly #limits: { total: number; perRepo: number; waitMs: number };
  readonly #busy = new Map<string, number>();
  #total = 0;
  #waiting: Waiting[] = [];

  constructor(limits: { total: number; perRepo: number; waitMs: number }) {
    this.#limits = limits;
  }

  /** @throws `rate_limited` when no slot gets free in time */
  async run<T>(repoId: string, upload: () => Promise<T>): Promise<T> {
    await this.#enter(repoId);
    try {
      return await upload();
    } finally {
      this.#leave(repoId);
    }
  }

  async #enter(repoId: string): Promise<void> {
    if (this.#hasRoom(repoId)) return this.#take(repoId);
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        repoId,
        enter: () => {
          clearTimeout(timer);
          this.#take(repoId);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        const { total, perRepo, waitMs } = this.#limits;
        const message = `This gateway reads ${total} uploads at once, ${perRepo} of one Repo; none ended within ${waitMs / 1000} s.`;
        reject(new CloudNodeError('rate_limited', message, { retryAfterMs: 2_000 }));
      }, this.#limits.waitMs);
      this.#waiting.push(waiting);
    });
  }

  #leave(repoId: string): void {
    this.#total -= 1;
    const left = (this.#busy.get(repoId) ?? 1) - 1;
    if (left === 0) this.#busy.delete(repoId);
    else this.#busy.set(repoId, left);
    metrics.uploads.dec();
    const next = this.#waiting.find((waiting) => this.#hasRoom(waiting.repoId));
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== next);
    next.enter();
  }

  #hasRoom(repoId: string): boolean {
    return this.#total < this.#limits.total && (this.#busy.get(repoId) ?? 0) < this.#limits.perRepo;
  }

  #take(repoId: string): void {
    this.#total += 1;
    this.#busy.set(repoId, (this.#busy.get(repoId) ?? 0) + 1);
    metrics.uploads.inc();
  }
}
