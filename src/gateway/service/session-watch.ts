/** Waits for something to happen to one session. */
export interface Watcher {
  /** Resolves when it changed since the last call, at the latest after `timeoutMs`, at once when aborted. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Wakes those in this process who follow a session, when a hint says that it changed. */
export class SessionWatch {
  readonly #listeners = new Map<string, Set<() => void>>();

  changed(repoId: string, sessionId: string): void {
    for (const wake of this.#listeners.get(`${repoId}/${sessionId}`) ?? []) wake();
  }

  /** Hints may have been lost. */
  allChanged(): void {
    for (const listeners of this.#listeners.values()) for (const wake of listeners) wake();
  }

  watch(repoId: string, sessionId: string): Watcher {
    const key = `${repoId}/${sessionId}`;
    let changed = false;
    let wakeUp: (() => void) | null = null;
    const listener = (): void => {
      changed = true;
      wakeUp?.();
    };
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return {
      next: async (timeoutMs, signal) => {
        if (!changed && !signal.aborted) {
          await new Promise<void>((resolve) => {
            const done = (): void => {
              clearTimeout(timer);
              signal.removeEventListener('abort', done);
              resolve();
            };
            const timer = setTimeout(done, timeoutMs);
            signal.addEventListener('abort', done);
            wakeUp = done;
          });
          wakeUp = null;
        }
        changed = false;
      },
      close: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(key);
      },
    };
  }
}
