import { isFinal, type AssignmentRecord, type RoundRecord, type SessionRecord } from '../../core/session.js';
import type { Assignment, AssignmentKey, LibraryStatus } from '../../protocol/library.js';
import { metrics } from '../../telemetry/metrics.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from './in-background.js';
import { offerOf } from './offers.js';
import { limitsOf, quotaExceeded, requireWithin } from './repo-limits.js';

/** Hints come sooner; this is for those that were lost. */
const POLL_MS = 10_000;
const HEARTBEAT_MS = 2_000;

interface Library {
  readonly repoId: string;
  readonly libraryId: string;
}

/**
 * What the Library is asked to do, derived from stored state: any gateway answers alike.
 * @param nonce of the question; with it, the answer is signed
 */
export async function libraryStatus(
  ctx: GatewayContext,
  library: Library,
  nonce?: string,
): Promise<LibraryStatus> {
  const status = {
    libraryId: library.libraryId,
    assignment: await currentAssignment(ctx, library),
    pollMs: POLL_MS,
    heartbeatMs: HEARTBEAT_MS,
  };
  if (nonce === undefined || ctx.signer === null) return status;
  return ctx.signer.status(status, { repoId: library.repoId, nonce });
}

/** An assignment that its Library may still work on. */
export interface Assigned {
  readonly session: SessionRecord;
  readonly round: RoundRecord;
  readonly record: AssignmentRecord;
}

async function currentAssignment(ctx: GatewayContext, library: Library): Promise<Assignment | null> {
  const sessions = await ctx.stores.sessions.active(library.repoId);
  const all = await Promise.all(sessions.map((session) => findAssignment(ctx, session, library.libraryId)));
  const open = all.filter((found) => found !== null);
  // What was begun comes first: two sessions must not take a Library from each other in turn.
  const inState = (state: AssignmentRecord['state']): Assigned | undefined =>
    open.find(({ record }) => record.state === state);
  const found = inState('accepted') ?? inState('offered') ?? open[0];
  if (found === undefined || !isShown(found.record.state)) return null;
  const offer = await offerOf(ctx, found.session, found.round);
  return { ...offer, state: found.record.state };
}

/** The Library's part in the round that is open, if it has one. */
export async function findAssignment(
  ctx: GatewayContext,
  session: SessionRecord,
  libraryId: string,
): Promise<Assigned | null> {
  const { repoId, sessionId, round } = session;
  if (isFinal(session.state) || round?.state !== 'collecting') return null;
  const at = { repoId, sessionId, round: round.number, attempt: round.attempt };
  const record = await ctx.stores.rounds.assignment(at, libraryId);
  return record !== null && isShown(record.state) ? { session, round, record } : null;
}

function isShown(state: AssignmentRecord['state']): state is Assignment['state'] {
  return state === 'offered' || state === 'accepted' || state === 'received';
}

/**
 * The Library is there with this data; sessions that wait for Libraries are looked at if that is news.
 * @throws `quota_exceeded`
 */
export async function joinLibrary(
  ctx: GatewayContext,
  library: Library,
  input: {
    datasets: readonly { datasetId: string; numExamples: number }[];
    connection: string;
    nonce?: string | undefined;
  },
): Promise<LibraryStatus> {
  const { repoId, libraryId } = library;
  const { libraries, sessions } = ctx.stores;
  const datasets = [...input.datasets];
  const limits = await limitsOf(ctx, repoId);
  for (const { numExamples } of datasets) requireWithin(repoId, limits, 'examples', numExamples);
  const isNews = await libraries.join(repoId, libraryId, {
    datasets,
    connection: input.connection,
    maxLibraries: limits.libraries,
  });
  if (isNews === null) throw quotaExceeded(repoId, { name: 'libraries', limit: limits.libraries });
  if (isNews) {
    const wakeAll = async (): Promise<void> => {
      const ids = await sessions.activeIds(repoId);
      await Promise.all(ids.map((sessionId) => ctx.queues.wake({ repoId, sessionId })));
    };
    inBackground(ctx, 'wake', wakeAll());
  }
  return libraryStatus(ctx, library, input.nonce);
}

/** Accepts, declines or fails; whoever gives up a seat lets a coordinator ask somebody else. */
export async function settleAssignment(
  ctx: GatewayContext,
  library: Library,
  change: AssignmentKey & { state: 'accepted' | 'declined' | 'failed'; reason: string },
): Promise<LibraryStatus> {
  const { repoId, libraryId } = library;
  const { sessionId, round, attempt, state, reason } = change;
  const at = { repoId, sessionId, round, attempt };
  const changed = await ctx.stores.rounds.settle(at, { libraryId, state, reason });
  if (changed) metrics.settledAssignments.inc({ state });
  if (changed && state !== 'accepted') inBackground(ctx, 'wake', ctx.queues.wake({ repoId, sessionId }));
  return libraryStatus(ctx, library);
}
