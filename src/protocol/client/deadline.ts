import { reasonOf } from './backoff.js';
import { NoAnswerError } from './no-answer.js';

/** An abort signal that fires when the caller's does, or when nothing has happened for a time. */
export interface IdleDeadline {
  readonly signal: AbortSignal;
  /** Something happened: the time starts again. */
  alive(): void;
  /** Stops the clock and lets go of the caller's signal. */
  end(): void;
}

/**
 * Fires with a {@link NoAnswerError} after `idleMs` without `alive()`, the first time after `firstMs`; what hangs thereby
 * counts as no answer.
 */
export function idleDeadline(idleMs: number, outer?: AbortSignal, firstMs = idleMs): IdleDeadline {
  const controller = new AbortController();
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Once over, the clock stays stopped: the last bytes may still be read, or a broken body never settle.
  const stop = (): void => {
    ended = true;
    clearTimeout(timer);
    outer?.removeEventListener('abort', abort);
  };
  const abort = (): void => {
    stop();
    controller.abort(outer === undefined ? undefined : reasonOf(outer));
  };
  const wait = (ms: number): void => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(expire, ms, ms);
  };
  const expire = (ms: number): void => {
    stop();
    controller.abort(new NoAnswerError(`Nothing came for ${ms / 1000} s.`));
  };
  wait(firstMs);
  if (outer?.aborted === true) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, alive: () => wait(idleMs), end: stop };
}
