import type { Response } from 'express';
import { abortWith } from '../../protocol/abort-with.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { LoggedEvent } from '../../protocol/http.js';
import type { GatewayContext } from '../context.js';
import { drained } from '../limits/slow-readers.js';
import { followSession } from '../service/follow-session.js';
import type { GuardedApp } from './guarded.js';

const PING_MS = 15_000;
const EVENT_ID = /^\d{1,20}-\d{1,20}$/;

export function eventRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.get('/v1/repos/:repoId/sessions/:sessionId/events', async (req, res, { repoId, claims }) => {
    const { sessionId } = req.params;
    const afterId = parseEventId(req.get('Last-Event-ID'));
    await ctx.stores.sessions.get(repoId, sessionId);

    const gone = new AbortController();
    let closing: CloudNodeError | null = null;
    const release = ctx.revocations.hold(ctx.tokens.credential(claims), (error) => {
      closing = error;
      gone.abort();
    });
    if (res.destroyed) gone.abort();
    else res.once('close', () => gone.abort());
    const { signal } = gone;
    const letGo = abortWith(gone, ctx.draining);
    res.setHeader('Content-Type', 'text/event-stream');
    res.set({
      'Cache-Control': 'no-cache, no-transform',
      // nginx would keep events until it has a page of them.
      'X-Accel-Buffering': 'no',
    });
    res.flushHeaders();
    const ping = setInterval(() => res.write(': ping\n\n'), PING_MS);
    try {
      for await (const logged of followSession(ctx, { repoId, sessionId, afterId }, signal))
        await write(res, logged, { idleMs: ctx.config.BODY_IDLE_MS, signal });
    } finally {
      clearInterval(ping);
      letGo();
      release();
    }
    res.end(closing === null ? '' : closingEvent(closing));
  });
}

/** Says why the stream ends before the session does. */
function closingEvent(error: CloudNodeError): string {
  return `event: server:closing\ndata: ${JSON.stringify({ error: error.toWire() })}\n\n`;
}

/** Waits for a slow reader instead of keeping for it what it has not read. */
async function write(
  res: Response,
  { id, atMs, event }: LoggedEvent,
  { idleMs, signal }: { idleMs: number; signal: AbortSignal },
): Promise<void> {
  const text = `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify({ atMs, event })}\n\n`;
  if (!res.write(text)) await drained(res, idleMs, signal);
}

function parseEventId(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  if (EVENT_ID.test(text)) return text;
  throw new CloudNodeError('invalid_request', 'The header "Last-Event-ID" must be the id of an event.');
}
