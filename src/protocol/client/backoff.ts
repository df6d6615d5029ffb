/** How long to wait between tries: exponential, jittered, bounded. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
  /** In [0, 1). @default Math.random */
  readonly random: () => number;
}

export const DEFAULT_BACKOFF: Backoff = { baseMs: 500, maxMs: 20_000, random: Math.random };

/**
 * The wait before try number `attempt` (the first retry is 1). It is spread over nearly its whole length, so that
 * thousands of clients of one gateway that died do not arrive at the next one together.
 * @param atLeastMs what the pool asked for (`retryAfterMs`); the spread is then added to it
 */
export function backoffMs(attempt: number, backoff: Backoff, atLeastMs = 0): number {
  const cap = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 30));
  return atLeastMs + cap * (0.1 + 0.9 * backoff.random());
}

/**
 * Waits, or rejects with the signal's reason as soon as it is aborted.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(reasonOf(signal));
    const abort = (): void => {
      clearTimeout(timer);
      if (signal !== undefined) reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Why a signal was aborted, always as an Error. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
