import { isFinal, type SessionRecord } from '../../core/session.js';
import { ended } from '../../core/transitions.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { publishHint } from '../../redis/hints.js';
import type { GatewayContext } from '../context.js';
import { changeSession } from './change-session.js';
import { inBackground } from './in-background.js';

/** Ends a session as cancelled; what it holds is freed by a coordinator. @throws `session_ended`, `conflict` */
export async function cancelSession(
  ctx: GatewayContext,
  session: { repoId: string; sessionId: string },
  reason: string,
): Promise<SessionRecord> {
  const { repoId, sessionId } = session;
  const cancelled = await changeSession(ctx, session, (record, nowMs) => {
    if (isFinal(record.state))
      throw new CloudNodeError('session_ended', `Session "${sessionId}" is ${record.state} already.`);
    return {
      next: ended(record, { state: 'cancelled', reason, nowMs }),
      events: [{ type: 'session.cancelled', reason }],
    };
  });
  const stop = { kind: 'libraries', repoId, libraryIds: null, reason: 'stop' } as const;
  inBackground(ctx, 'stop', publishHint(ctx.stores.context, stop));
  return cancelled;
}
