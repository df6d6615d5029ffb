import type { Change, Snapshot } from '../../src/core/decision.js';
import { isOutstanding } from '../../src/core/round-collecting.js';
import { reconcile } from '../../src/core/reconcile.js';
import { isFinal } from '../../src/core/session.js';
import { publishHint } from '../../src/redis/hints.js';
import type { SessionKey } from '../../src/redis/pool-registry.js';
import { traceStep } from '../../src/telemetry/trace-step.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';
import { loadSnapshot } from './load-snapshot.js';
import { matchOutside } from './match-outside.js';
import { registerResult } from './register-result.js';

/** A session that changes more often than this in one go is a bug; stop and let the sweep come back. */
const MAX_STEPS = 200;

/**
 * Brings one session to where stored state says it should be: decide, compare-and-set, again, until there is nothing
 * to change; then make queues, timers and leftovers match. May run twice, late, or on two machines at once.
 */
export async function reconcileSession(deps: PoolDeps, key: SessionKey): Promise<void> {
  for (let step = 0; step < MAX_STEPS; step++) {
    const startedMs = Date.now();
    const stored = await deps.stores.sessions.find(key.repoId, key.sessionId);
    if (stored === null) return deps.stores.pool.forget(key);
    const snapshot = await loadSnapshot(deps, stored.record);
    const change = reconcile(snapshot) ?? (await matchOutside(deps, snapshot));
    if (change === null) return;
    const closes = change.next.round?.state === 'closing' && stored.record.round?.state === 'collecting';
    const expected = closes ? { expectedReceipts: snapshot.received } : {};
    const guard = { rev: stored.rev, before: stored.record, ...expected };
    // Before anybody can see that it is completed, so that whoever sees it finds the result.
    if (change.next.state === 'completed' && stored.record.state !== 'completed')
      await registerResult(deps, change.next);
    // Somebody else was first: read again and decide anew.
    if ((await deps.stores.sessions.write(change, guard)) === null) continue;
    await hint(deps, snapshot, change);
    traceStep(stored.record, change, startedMs);
  }
  deps.log.error(key, 'session did not settle');
}

/** Tells who would like to know; each of them also finds out without being told. */
async function hint(
  deps: PoolDeps,
  before: Snapshot,
  { next, assign = [], expire = [] }: Change,
): Promise<void> {
  const { context } = deps.stores;
  const { repoId, sessionId } = next;
  await publishHint(context, { kind: 'session', repoId, sessionId });
  if (assign.length > 0)
    await publishHint(context, { kind: 'libraries', repoId, libraryIds: assign, reason: 'assignment' });
  const wasCollecting = before.session.round?.state === 'collecting';
  const over = wasCollecting && next.round?.state !== 'collecting';
  const idle = over ? before.assignments.filter(isOutstanding).map((a) => a.libraryId) : expire;
  if (idle.length > 0)
    await publishHint(context, { kind: 'libraries', repoId, libraryIds: idle, reason: 'stop' });
  if (isFinal(next.state) && !isFinal(before.session.state)) {
    await publishHint(context, { kind: 'libraries', repoId, libraryIds: null, reason: 'stop' });
    // Whoever waited behind it may start.
    for (const waiting of await deps.stores.sessions.activeIds(repoId))
      await deps.queues.wake({ repoId, sessionId: waiting });
  }
}
