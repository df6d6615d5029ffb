import type { SessionRecord } from '../../core/session.js';
import type { By } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from './cancel-session.js';
import { pauseSession } from './pause-session.js';
import { submitJob } from './submit-job.js';

interface SessionRef {
  readonly repoId: string;
  readonly sessionId: string;
}

/** What somebody does to sessions, over whatever came the wish, with its entry in the Repo's audit trail. */
export function submitAs(ctx: GatewayContext, by: By, repoId: string, job: unknown): Promise<SessionRecord> {
  return ctx.audit.act(
    by,
    { repoId, action: 'job.submitted' },
    () => submitJob(ctx, repoId, job),
    ({ sessionId, job: { modelId } }) => ({ sessionId, modelId }),
  );
}

/** Pauses, or lets go on. */
export function pauseAs(
  ctx: GatewayContext,
  by: By,
  { repoId, sessionId }: SessionRef,
  pause: boolean,
): Promise<SessionRecord> {
  const action = pause ? 'session.paused' : 'session.resumed';
  const act = { repoId, action, target: { sessionId } } as const;
  return ctx.audit.act(by, act, () => pauseSession(ctx, { repoId, sessionId }, pause));
}

export function cancelAs(
  ctx: GatewayContext,
  by: By,
  { repoId, sessionId }: SessionRef,
  reason: string,
): Promise<SessionRecord> {
  const act = { repoId, action: 'session.cancelled', target: { sessionId } } as const;
  return ctx.audit.act(by, act, () => cancelSession(ctx, { repoId, sessionId }, reason));
}
