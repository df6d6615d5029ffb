import { setTimeout as sleep } from 'node:timers/promises';
import { PRESENCE_TTL_MS } from '../../redis/library-store.js';
import { metrics } from '../../telemetry/metrics.js';
import { repeat, type Repeating } from '../../telemetry/repeat.js';
import type { GatewayContext, LibraryIdentity } from '../context.js';

const STOP_WITHIN_MS = 2_000;

/** Says for all Libraries that are joined over a socket of this gateway that they are there. */
export class Presence {
  readonly #ctx: GatewayContext;
  /** repoId → libraryId → id of the socket that joined last. */
  readonly #joined = new Map<string, Map<string, string>>();
  readonly #leaving = new Set<Promise<unknown>>();
  #touching: Repeating | null = null;

  constructor(ctx: GatewayContext) {
    this.#ctx = ctx;
  }

  start(): void {
    this.#touching = repeat(
      PRESENCE_TTL_MS / 3,
      () => this.#touchAll(),
      (error) => this.#ctx.log.warn({ err: (error as Error).message }, 'presence not reported'),
    );
  }

  joined({ repoId, libraryId }: LibraryIdentity, socketId: string): void {
    const libraries = this.#joined.get(repoId) ?? new Map<string, string>();
    if (!libraries.has(libraryId)) metrics.connectedLibraries.inc();
    this.#joined.set(repoId, libraries.set(libraryId, socketId));
  }

  /** The socket ended; the Library may be back on another one already. */
  left({ repoId, libraryId }: LibraryIdentity, socketId: string): void {
    const libraries = this.#joined.get(repoId);
    if (libraries?.get(libraryId) !== socketId) return;
    libraries.delete(libraryId);
    metrics.connectedLibraries.dec();
    if (libraries.size === 0) this.#joined.delete(repoId);
    const leaving = this.#ctx.stores.libraries.leave(repoId, libraryId, socketId).catch((error: unknown) => {
      // It counts as away when its time is over.
      this.#ctx.log.debug({ repoId, libraryId, err: (error as Error).message }, 'leave not reported');
    });
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
  }

  /** Waits a little for what was said of those who left: without Redis they count as away soon in any case. */
  async stop(): Promise<void> {
    const told = Promise.all([this.#touching?.stop(), ...this.#leaving]);
    await Promise.race([told, sleep(STOP_WITHIN_MS, null, { ref: false })]);
  }

  async #touchAll(): Promise<void> {
    for (const [repoId, libraries] of this.#joined)
      await this.#ctx.stores.libraries.touch(repoId, [...libraries.keys()]);
  }
}
