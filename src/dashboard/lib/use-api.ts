import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api, toApiError, type ApiError } from './api.js';

export interface Loaded<T> {
  /** The last good answer: it stays on the screen while a later one fails. */
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly reload: () => void;
}

/**
 * What the pool answers, asked again every `everyMs` while the page is visible, and on `reload`. One request at a time:
 * a slow pool is not asked faster than it answers.
 */
export function useApi<T>(url: string | null, { everyMs }: { everyMs?: number } = {}): Loaded<T> {
  const [state, setState] = useState<{ url: string | null; data: T | null; error: ApiError | null }>({
    url,
    data: null,
    error: null,
  });
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (url === null) return;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    let isWanted = false;
    const load = async (): Promise<void> => {
      if (isAsking) {
        isWanted = true;
        return;
      }
      clearTimeout(timer);
      isAsking = true;
      isWanted = false;
      try {
        const data = await api<T>(url, { signal: ended.signal });
        if (!ended.signal.aborted) setState({ url, data, error: null });
      } catch (reason) {
        if (!ended.signal.aborted)
          setState((before) => ({
            url,
            data: before.url === url ? before.data : null,
            error: toApiError(reason),
          }));
      }
      isAsking = false;
      if (ended.signal.aborted) return;
      if (isWanted) void load();
      else if (everyMs !== undefined) timer = setTimeout(() => void (document.hidden || load()), everyMs);
    };
    const onVisible = (): void => void (document.hidden || load());
    again.current = () => void load();
    void load();
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [url, everyMs]);

  const reload = useCallback(() => again.current(), []);
  return state.url === url ? { ...state, reload } : { data: null, error: null, reload };
}
