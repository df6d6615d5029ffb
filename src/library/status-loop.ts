import { backoffMs, type Backoff } from '../protocol/client/backoff.js';
import { isRetryable, retryAfterMs } from '../protocol/client/no-answer.js';
import type { LibraryStatus } from '../protocol/library.js';

export interface StatusLoopOptions {
  readonly ask: () => Promise<LibraryStatus>;
  readonly act: (status: LibraryStatus) => void;
  /** An answer that asking again will not change; the loop goes on all the same, at its slow pace. */
  readonly onError: (error: unknown) => void;
  readonly backoff: Backoff;
}

const DEFAULT_POLL_MS = 10_000;

/**
 * Asks the pool what to do: at once when there is a reason to, and now and then without one, since hints may be lost.
 * One question at a time, so that an old answer never overtakes a newer one.
 */
export class StatusLoop {
  readonly #options: StatusLoopOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #wanted = false;
  #stopped = false;
  #failures = 0;

  constructor(options: StatusLoopOptions) {
    this.#options = options;
  }

  /** Asks now, or once more when the question under way is answered. */
  request(): void {
    this.#wanted = true;
    if (!this.#asking && !this.#stopped) void this.#run();
  }

  /** Goes quiet until the next request. */
  pause(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  stop(): void {
    this.#stopped = true;
    this.pause();
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking = true;
    let nextMs = DEFAULT_POLL_MS;
    while (this.#wanted) {
      this.#wanted = false;
      nextMs = await this.#askOnce();
    }
    this.#asking = false;
    if (!this.#stopped) this.#timer = setTimeout(() => this.request(), nextMs);
  }

  /** @returns when to ask again, ms */
  async #askOnce(): Promise<number> {
    const { ask, act, onError, backoff } = this.#options;
    try {
      const status = await ask();
      this.#failures = 0;
      if (!this.#stopped) act(status);
      return status.pollMs * (0.8 + 0.4 * backoff.random());
    } catch (error) {
      if (this.#stopped) return DEFAULT_POLL_MS;
      if (!isRetryable(error)) {
        onError(error);
        return DEFAULT_POLL_MS;
      }
      this.#failures += 1;
      return backoffMs(this.#failures, backoff, retryAfterMs(error));
    }
  }
}
