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

/** Fires with a {@link NoAnswerError} after `idleMs` without `alive()`; what hangs thereby counts as no answer. */
export function idleDeadline(idleMs: number, outer?: AbortSignal): IdleDeadline {
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
  const alive = (): void => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(expire, idleMs);
  };
  const expire = (): void => {
    stop();
    controller.abort(new NoAnswerError(`Nothing came for ${Math.round(idleMs / 1000)} s.`));
  };
  alive();
  if (outer?.aborted === true) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, alive, end: stop };
}
