import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/core/random.js';
import type { Part } from './stage.js';

export interface Disturbance {
  readonly kind: 'kill' | 'stop' | 'partition';
  readonly role: Part['role'];
  readonly atMs: number;
}

/** How likely each part is hit, and how. Redis and whole hosts of Libraries less often than the pool's own processes. */
const WEIGHTS: Readonly<Record<Part['role'], number>> = {
  gateway: 4,
  coordinator: 4,
  aggregator: 4,
  libraries: 2,
  redis: 1,
};
const KILL_SHARE = 0.65;

/**
 * Breaks parts by a schedule that the seed alone decides: `next()` hits one part and mends it after a while. What is
 * hit is out of order until it is mended, so not everything is down at once for ever.
 */
export class Mischief {
  readonly done: Disturbance[] = [];
  readonly #parts: readonly Part[];
  readonly #random: () => number;
  readonly #broken = new Set<Part>();
  readonly #mending = new Set<Promise<void>>();

  constructor(parts: readonly Part[], seed: number) {
    this.#parts = parts;
    this.#random = seededRandom(seed);
  }

  get kills(): number {
    return this.done.filter((disturbance) => disturbance.kind === 'kill').length;
  }

  next(): void {
    // Always drawn, whether or not it can be used: the schedule does not depend on timing.
    const [which, how, long] = [this.#random(), this.#random(), this.#random()];
    const part = pick(
      this.#parts.filter((one) => !this.#broken.has(one)),
      which,
    );
    if (part === undefined) return;
    const mended: Promise<void> = this.#hit(part, { how, long })
      .catch((error: unknown) => process.stderr.write(`mending ${part.name}: ${(error as Error).message}\n`))
      .then(() => {
        this.#broken.delete(part);
        this.#mending.delete(mended);
      });
    this.#mending.add(mended);
  }

  /** Resolves when all is mended. */
  async settle(): Promise<void> {
    await Promise.all(this.#mending);
  }

  async #hit(part: Part, { how, long }: { how: number; long: number }): Promise<void> {
    this.#broken.add(part);
    const kind =
      how < KILL_SHARE ? 'kill' : how < (1 + KILL_SHARE) / 2 || part.link === null ? 'stop' : 'partition';
    this.done.push({ kind, role: part.role, atMs: Date.now() });
    if (kind === 'kill') {
      part.kill('SIGKILL');
      await sleep(100 + long * 900);
      await part.start();
    } else if (kind === 'stop') {
      part.kill('SIGSTOP');
      await sleep(200 + long * 2_800);
      part.kill('SIGCONT');
    } else {
      if (long < 0.5) part.link?.cut();
      else part.link?.stall();
      await sleep(200 + long * 2_800);
      part.link?.resume();
    }
  }
}

function pick(parts: readonly Part[], at: number): Part | undefined {
  const total = parts.reduce((sum, part) => sum + WEIGHTS[part.role], 0);
  let left = at * total;
  return parts.find((part) => (left -= WEIGHTS[part.role]) < 0) ?? parts[0];
}
