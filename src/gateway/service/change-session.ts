import type { Change } from '../../core/decision.js';
import type { SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { redisNowMs } from '../../redis/context.js';
import { publishHint } from '../../redis/hints.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from './in-background.js';

const TRIES = 10;

/**
 * Changes a session from outside, by compare-and-set against coordinators that change it at the same time; then wakes
 * one of them, and those who follow the session. `decide` throws when the change makes no sense.
 * @throws `session_not_found`, `conflict`
 */
export async function changeSession(
  ctx: GatewayContext,
  { repoId, sessionId }: { repoId: string; sessionId: string },
  decide: (record: SessionRecord, nowMs: number) => Change,
): Promise<SessionRecord> {
  const { sessions, context } = ctx.stores;
  for (let left = TRIES; left > 0; left--) {
    const { record, rev } = await sessions.get(repoId, sessionId);
    const change = decide(record, await redisNowMs(context, repoId));
    if ((await sessions.write(change, { rev, before: record })) === null) continue;
    inBackground(ctx, 'session', publishHint(context, { kind: 'session', repoId, sessionId }));
    inBackground(ctx, 'wake', ctx.queues.wake({ repoId, sessionId }));
    return change.next;
  }
  throw new CloudNodeError('conflict', `Session "${sessionId}" changed ${TRIES} times in between.`);
}
