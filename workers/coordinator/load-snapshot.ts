import type { AssignmentView, Produced, Snapshot } from '../../src/core/decision.js';
import { isFinal, type RoundRecord, type SessionRecord } from '../../src/core/session.js';
import { redisNowMs } from '../../src/redis/context.js';
import type { AttemptRef } from '../../src/redis/keys.js';
import { rootHash } from '../../src/tensors/hash.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** Reads all that `reconcile` may ask about the session, and no more than its state needs. */
export async function loadSnapshot(deps: PoolDeps, session: SessionRecord): Promise<Snapshot> {
  const nowMs = await redisNowMs(deps.stores.context, session.repoId);
  const blank: Snapshot = {
    session,
    nowMs,
    queue: { ahead: 0, concurrency: 1 },
    candidates: [],
    assignments: [],
    received: 0,
    receipts: [],
    lost: null,
    produced: null,
    scores: [],
    hasTestSet: false,
    leaseMs: deps.config.LEASE_MS,
    reachableMs: Infinity,
  };
  if (session.state === 'queued') return { ...blank, queue: await loadQueue(deps, session) };
  const { round } = session;
  if (round === null) return { ...blank, ...(await loadScores(deps, session)) };
  switch (round.state) {
    case 'selecting':
      return { ...blank, ...(await loadSelecting(deps, session)) };
    case 'collecting':
      return { ...blank, ...(await loadCollecting(deps, session, round)) };
    case 'closing':
      return { ...blank, ...(await loadClosing(deps, session, round)) };
    case 'published':
      return { ...blank, ...(await loadScores(deps, session)) };
  }
}

export function attemptOf(session: SessionRecord, round: { number: number; attempt: number }): AttemptRef {
  return {
    repoId: session.repoId,
    sessionId: session.sessionId,
    round: round.number,
    attempt: round.attempt,
  };
}

async function loadQueue(
  { stores }: PoolDeps,
  { repoId, sessionId }: SessionRecord,
): Promise<Snapshot['queue']> {
  const repo = await stores.repos.find(repoId);
  const order = await stores.sessions.active(repoId);
  const before = order.slice(
    0,
    Math.max(
      0,
      order.findIndex((one) => one.sessionId === sessionId),
    ),
  );
  // One that was paused before it began lets others pass; one that has begun keeps its place.
  const ahead = before.filter(
    (one) => !isFinal(one.state) && !(one.state === 'queued' && one.pausedUntilMs !== null),
  );
  return { ahead: ahead.length, concurrency: repo?.concurrency ?? 1 };
}

async function loadSelecting(deps: PoolDeps, session: SessionRecord): Promise<Partial<Snapshot>> {
  const [candidates, reachableMs] = await Promise.all([
    loadCandidates(deps, session),
    deps.stores.pool.reachableMs(),
  ]);
  return { candidates, reachableMs };
}

async function loadCandidates(
  { stores }: PoolDeps,
  { repoId, job }: SessionRecord,
): Promise<Snapshot['candidates']> {
  return stores.libraries.candidates(repoId, job.datasetId);
}

async function loadCollecting(
  deps: PoolDeps,
  session: SessionRecord,
  round: RoundRecord,
): Promise<Partial<Snapshot>> {
  const at = attemptOf(session, round);
  const { stores } = deps;
  const [received, { lost }] = await Promise.all([
    stores.rounds.countReceipts(at),
    stores.rounds.produced(at),
  ]);
  // Ready to close: who else was asked does not matter any more.
  if (received >= round.needed) return { received, lost };
  const assignments = await loadAssignments(deps, at);
  const settled = assignments.filter((a) => a.state !== 'offered' && a.state !== 'accepted').length;
  const someGone = assignments.some((a) => a.absentMs > deps.config.LEASE_MS);
  const candidates = settled > received || someGone ? await loadCandidates(deps, session) : [];
  const reachableMs = someGone ? await stores.pool.reachableMs() : Infinity;
  return { received, lost, assignments, candidates, reachableMs };
}

async function loadAssignments({ stores }: PoolDeps, at: AttemptRef): Promise<AssignmentView[]> {
  const all = [...(await stores.rounds.assignments(at))];
  const absent = await stores.libraries.absentMs(
    at.repoId,
    all.map(([libraryId]) => libraryId),
  );
  return all.map(([libraryId, assignment], i) => ({
    libraryId,
    ...assignment,
    absentMs: absent[i] ?? Infinity,
  }));
}

async function loadClosing(
  { stores }: PoolDeps,
  session: SessionRecord,
  round: RoundRecord,
): Promise<Partial<Snapshot>> {
  const at = attemptOf(session, round);
  const { shards, lost } = await stores.rounds.produced(at);
  const { shardCount } = session.geometry;
  if (shards.size < shardCount) return { lost };
  const hashes = Array.from({ length: shardCount }, (_, shard) => shards.get(shard) ?? '');
  const produced: Produced = { sha256: await rootHash(hashes), shards: hashes };
  return { lost, produced, receipts: await stores.rounds.receipts(at) };
}

async function loadScores(
  { stores }: PoolDeps,
  { repoId, sessionId, job }: SessionRecord,
): Promise<Pick<Snapshot, 'scores' | 'hasTestSet'>> {
  const [scores, testSet] = await Promise.all([
    stores.sessions.scores(repoId, sessionId),
    stores.models.testSetFor(repoId, job),
  ]);
  return { scores, hasTestSet: testSet !== null };
}
