import { pauseSession as paused, resumeSession as resumed } from '../../core/pause.js';
import { isFinal, type SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { GatewayContext } from '../context.js';
import { changeSession } from './change-session.js';

/**
 * Pauses or resumes a session; asking for what is so already changes nothing.
 * @throws `session_ended`, `conflict`
 */
export function pauseSession(
  ctx: GatewayContext,
  session: { repoId: string; sessionId: string },
  pause: boolean,
): Promise<SessionRecord> {
  return changeSession(ctx, session, (record, nowMs) => {
    if (isFinal(record.state))
      throw new CloudNodeError('session_ended', `Session "${session.sessionId}" is ${record.state} already.`);
    return (pause ? paused : resumed)(record, nowMs) ?? { next: record, events: [] };
  });
}
