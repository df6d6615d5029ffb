import type { Change, Snapshot } from '../../src/core/decision.js';
import { wakeAtMs } from '../../src/core/reconcile.js';
import { isScoredVersion } from '../../src/core/round-published.js';
import { isFinal, type RoundRecord, type SessionRecord } from '../../src/core/session.js';
import { terminationReason } from '../../src/core/termination.js';
import type { AskedIn } from '../../src/redis/queues.js';
import { needsCoordinator } from '../../src/redis/session-store.js';
import { isTracing } from '../../src/telemetry/tracing.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';
import { auditSession } from './audit-session.js';
import { freeLeftover } from './free-leftover.js';
import { attemptOf } from './load-snapshot.js';
import { rentSlots } from './rent-slots.js';

/** While a round collects, updates are folded in batches: a partial is read and written once for so many. */
const FOLD_BATCH = 8;

/**
 * Queued work, timers, rentals and freed bytes, made to match the session. Everything here may be repeated.
 * @returns a change of the record when something was freed, else null
 */
export async function matchOutside(deps: PoolDeps, snapshot: Snapshot): Promise<Change | null> {
  const { session } = snapshot;
  await auditSession(deps, session);
  const [leftover, ...rest] = session.leftovers;
  if (leftover !== undefined) {
    await freeLeftover(deps, session, leftover);
    return { next: { ...session, leftovers: rest }, events: [] };
  }
  if (!needsCoordinator(session)) {
    await deps.stores.pool.forget(session);
    return null;
  }
  if (session.round !== null) await queueWork(deps, snapshot, session.round);
  await deps.stores.pool.setDue(session, wakeAtMs(snapshot));
  return null;
}

async function queueWork(deps: PoolDeps, snapshot: Snapshot, round: RoundRecord): Promise<void> {
  const { session } = snapshot;
  if (round.state === 'collecting' || round.state === 'closing') {
    const slots = await rentSlots(deps, session, round);
    if (round.state === 'closing' || (await unfolded(deps, snapshot, round)) >= FOLD_BATCH)
      await deps.queues.aggregate({ ...attemptOf(session, round), phase: round.state }, slots);
  }
  await queueScores(deps, session);
}

async function unfolded(deps: PoolDeps, snapshot: Snapshot, round: RoundRecord): Promise<number> {
  if (snapshot.received < FOLD_BATCH) return 0;
  const folds = await deps.stores.rounds.folds(attemptOf(snapshot.session, round));
  const { shardCount } = snapshot.session.geometry;
  const least =
    folds.size < shardCount ? 0 : Math.min(...[...folds.values()].map((pointer) => pointer.folded));
  return snapshot.received - least;
}

/** How many versions back an unscored one is still asked for again. */
const SCORE_AGAIN = 3;

async function queueScores(deps: PoolDeps, session: SessionRecord): Promise<void> {
  const { repoId, sessionId, job, version } = session;
  const wanted: number[] = [];
  for (let v = Math.max(1, version - SCORE_AGAIN + 1); v <= version; v++) {
    if (isScoredVersion(job, v) || isLast(session, v)) wanted.push(v);
  }
  if (wanted.length === 0 || isFinal(session.state)) return;
  if ((await deps.stores.models.testSetFor(repoId, job)) === null) return;
  const scored = new Set(
    (await deps.stores.sessions.scores(repoId, sessionId)).map((score) => score.version),
  );
  for (const v of wanted) {
    if (!scored.has(v)) await deps.queues.evaluate(session, v, await madeIn(deps, session, v));
  }
}

/** For traces: the attempt that made a version. The next round has begun most often. */
async function madeIn(
  { stores }: PoolDeps,
  session: SessionRecord,
  version: number,
): Promise<AskedIn | undefined> {
  if (!isTracing()) return undefined;
  const history = await stores.sessions.history(session.repoId, session.sessionId);
  const summary = history.find(({ round }) => round === version);
  if (summary === undefined) return undefined;
  return { ...attemptOf(session, { number: version, attempt: summary.attempt }), phase: null };
}

/** A session that ends before maxRounds has its last version scored too. */
function isLast(session: SessionRecord, version: number): boolean {
  const { job, round, best } = session;
  const scores = job.evaluation.on === 'pool' || job.evaluation.on === 'both';
  return (
    scores &&
    round?.state === 'published' &&
    version === round.number &&
    terminationReason(job, version, best) !== null
  );
}
