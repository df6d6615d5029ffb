import { publishHint } from '../../redis/hints.js';
import type { AttemptRef } from '../../redis/keys.js';
import type { CommitOutcome } from '../../redis/round-store.js';
import { inBackground } from '../service/in-background.js';
import type { IntakeDeps } from './intake-deps.js';

/** So often a coordinator hears of bytes that wait to be folded before the round is full. */
const WAKE_EVERY = 8;

/** Something was counted: whoever watches may look, and a coordinator should once there is something to do for it. */
export function announceUpdates(
  ctx: IntakeDeps,
  at: AttemptRef,
  { received, needed, blobs }: Pick<CommitOutcome, 'received' | 'needed' | 'blobs'>,
): void {
  const { repoId, sessionId } = at;
  inBackground(ctx, 'session', publishHint(ctx.stores.context, { kind: 'session', repoId, sessionId }));
  if (received >= needed || blobs % WAKE_EVERY === 0)
    inBackground(ctx, 'wake', ctx.queues.wake(at, { ...at, phase: 'collecting' }));
}
