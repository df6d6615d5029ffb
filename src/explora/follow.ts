import { backoffMs, sleep, type Backoff } from '../protocol/client/backoff.js';
import { isRetryable, retryAfterMs } from '../protocol/client/no-answer.js';
import type { LoggedEvent } from '../protocol/http.js';

export interface FollowSource {
  /** Events of one connection after the given one; ends or throws when it breaks. */
  readonly open: (from: { afterEventId: string | null; signal: AbortSignal }) => AsyncIterable<LoggedEvent>;
  /** Whether the session has ended: asked when a connection ends in order without the final event. */
  readonly isOver: () => Promise<boolean>;
  readonly backoff: Backoff;
}

const FINAL = ['session.completed', 'session.failed', 'session.cancelled'];

/**
 * Every event of a session once and in order, across as many connections as it takes, until the final one.
 * @throws CloudNodeError that trying again does not change
 */
export async function* follow(
  source: FollowSource,
  { afterEventId, signal }: { afterEventId: string | null; signal: AbortSignal },
): AsyncGenerator<LoggedEvent> {
  let last = afterEventId;
  for (let failures = 0; !signal.aborted;) {
    let afterMs = 0;
    try {
      for await (const logged of source.open({ afterEventId: last, signal })) {
        // A gateway may say again what another one said already.
        if (last !== null && !isAfter(logged.id, last)) continue;
        last = logged.id;
        failures = 0;
        yield logged;
        if (FINAL.includes(logged.event.type)) return;
      }
      // The log may have been followed from its end, or be gone with the session.
      if (await source.isOver()) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isRetryable(error)) throw error;
      afterMs = retryAfterMs(error);
    }
    failures += 1;
    await sleep(backoffMs(failures, source.backoff, afterMs), signal).catch(() => {});
  }
}

/** Ids are `<ms>-<n>`; they grow. */
function isAfter(id: string, other: string): boolean {
  const [ms = 0, n = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherN = 0] = other.split('-').map(Number);
  return ms > otherMs || (ms === otherMs && n > otherN);
}
