import { blobsOf, isFinal, type RoundRecord, type SessionRecord } from '../../src/core/session.js';
import type { AggregateJob } from '../../src/protocol/queue.js';
import type { AttemptRef } from '../../src/redis/keys.js';
import type { AggregatorDeps } from './aggregator-deps.js';
import type { Folded } from './folded.js';
import { ShardAggregation } from './shard-aggregation.js';

/** A job gives its slot back after this long and queues up again, so that a newcomer is served. */
const TURN_MS = 500;
/** The bytes of one shard come while another is computed. */
const AT_ONCE = 2;
/** Updates or sums of updates waiting for a shard that make folding worthwhile while the round still collects. */
const FOLD_AT_LEAST = 4;

/**
 * One slot's work, derived from stored state alone: folds what is committed and not folded; once the round is closed,
 * produces the next version's shards. May run twice, late, or beside a twin: pointers move by compare-and-set, and
 * what is produced is the same whoever produces it.
 */
export async function aggregateSlot(deps: AggregatorDeps, job: AggregateJob): Promise<Folded> {
  const folded: Folded = { bytes: 0, seconds: 0 };
  const { stores, queues } = deps;
  const session = (await stores.sessions.find(job.repoId, job.sessionId))?.record;
  const round = session?.round;
  if (session === undefined || isFinal(session.state) || round === null || round === undefined) return folded;
  if (round.state !== 'collecting' && round.state !== 'closing') return folded;
  const at: AttemptRef = {
    repoId: job.repoId,
    sessionId: job.sessionId,
    round: round.number,
    attempt: round.attempt,
  };
  const done = await work(deps, { session, round, at, job, folded });
  const asked = { ...at, phase: round.state };
  if (!done) await queues.aggregate(asked, job.slots);
  else if (round.state === 'closing') await queues.wake(session, asked);
  return folded;
}

interface Task {
  readonly session: SessionRecord;
  readonly round: RoundRecord;
  readonly at: AttemptRef;
  readonly job: AggregateJob;
  readonly folded: Folded;
}

/** @returns false when the turn ended before the work */
async function work(deps: AggregatorDeps, { session, round, at, job, folded }: Task): Promise<boolean> {
  const untilMs = Date.now() + TURN_MS;
  const closing = round.state === 'closing';
  const [receipts, folds, { shards: produced }] = await Promise.all([
    deps.stores.rounds.receipts(at),
    deps.stores.rounds.folds(at),
    deps.stores.rounds.produced(at),
  ]);
  const aggregation = new ShardAggregation(deps, { session, round, at, receipts, folded });
  if (closing && receipts.length !== round.updates) {
    await aggregation.reportLoss(
      `${round.updates} updates were counted, ${receipts.length} receipts are there.`,
    );
    return true;
  }
  const isWork = (shard: number): boolean =>
    closing
      ? !produced.has(shard)
      : blobsOf(receipts.slice(folds.get(shard)?.folded ?? 0)).length >= FOLD_AT_LEAST;
  const shards = shardsOf(job, session).filter(isWork);
  const next = async (): Promise<void> => {
    for (let shard = shards.shift(); shard !== undefined; shard = shards.shift()) {
      if (closing) await aggregation.finish(shard);
      else await aggregation.fold(shard);
      if (Date.now() > untilMs) return;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return shards.length === 0;
}

function shardsOf({ slot, slots }: AggregateJob, { geometry }: SessionRecord): number[] {
  const own = Math.ceil((geometry.shardCount - slot) / slots);
  return Array.from({ length: Math.max(0, own) }, (_, i) => slot + i * slots);
}
