import { isFinal } from '../../core/session.js';
import type { LoggedEvent } from '../../protocol/http.js';
import type { GatewayContext } from '../context.js';

/** Hints may be lost, so the log is looked at so often in any case. */
const POLL_MS = 2_000;
const ENDS = new Set(['session.completed', 'session.failed', 'session.cancelled']);

/** The events of a session after the one that was seen last, then those to come; ends with the session. */
export async function* followSession(
  ctx: GatewayContext,
  session: { repoId: string; sessionId: string; afterId: string | null },
  signal: AbortSignal,
): AsyncGenerator<LoggedEvent> {
  const { repoId, sessionId } = session;
  let { afterId } = session;
  const watcher = ctx.watch.watch(repoId, sessionId);
  try {
    while (!signal.aborted) {
      // Before the log: what is read then includes the event of the end.
      const ended = await hasEnded(ctx, repoId, sessionId);
      const events = await ctx.stores.events.read(repoId, sessionId, { afterId });
      for (const logged of events) {
        if (signal.aborted) return;
        yield logged;
        afterId = logged.id;
        if (ENDS.has(logged.event.type)) return;
      }
      if (events.length > 0) continue;
      if (ended) return;
      await watcher.next(POLL_MS, signal);
    }
  } finally {
    watcher.close();
  }
}

async function hasEnded(ctx: GatewayContext, repoId: string, sessionId: string): Promise<boolean> {
  const stored = await ctx.stores.sessions.find(repoId, sessionId);
  return stored === null || isFinal(stored.record.state);
}
