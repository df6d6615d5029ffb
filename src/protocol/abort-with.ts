/**
 * Aborts `own` together with `outer`, until that is let go of. In the place of `AbortSignal.any`: of the signals that it
 * makes, Node 20 keeps an entry at the one that lives longest, for as long as that lives.
 * @returns lets go
 */
export function abortWith(own: AbortController, outer: AbortSignal): () => void {
  const abort = (): void => own.abort(outer.reason);
  if (outer.aborted) abort();
  else outer.addEventListener('abort', abort, { once: true });
  return () => outer.removeEventListener('abort', abort);
}
