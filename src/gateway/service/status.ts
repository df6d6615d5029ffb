import { isFinal, type SessionRecord } from '../../core/session.js';
import type { Claims, PoolStatus, RepoStatus } from '../../protocol/http.js';
import { readServerInfo } from '../../redis/server-info.js';
import { seesRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';

export async function isBusy(ctx: GatewayContext, repoId: string): Promise<boolean> {
  await ctx.stores.repos.get(repoId);
  return (await unfinished(ctx, repoId)).length > 0;
}

export async function repoStatus(ctx: GatewayContext, repoId: string): Promise<RepoStatus> {
  const { repos, libraries, pool } = ctx.stores;
  const [repo, sessions, librariesOnline, rentals] = await Promise.all([
    repos.get(repoId),
    unfinished(ctx, repoId),
    libraries.countOnline(repoId),
    pool.rentals(),
  ]);
  const running = sessions.filter((session) => session.state !== 'queued');
  return {
    repoId,
    name: repo.name,
    status: sessions.length > 0 ? 'busy' : 'idle',
    librariesOnline,
    runningSessions: running.map(({ sessionId, job, state, round, version }) => ({
      sessionId,
      name: job.name,
      state,
      round: round?.number ?? null,
      version,
    })),
    queuedSessions: sessions.length - running.length,
    rentedSlots: sum(rentals.filter((rental) => rental.repoId === repoId).map((rental) => rental.granted)),
  };
}

/** The pool as a whole; of rentals only those of Repos that the token is good for. */
export async function poolStatus(ctx: GatewayContext, claims: Claims): Promise<PoolStatus> {
  const { repos, pool, context } = ctx.stores;
  const [nodes, ids, activeSessions, rentals, queues, redis] = await Promise.all([
    pool.nodes(),
    repos.ids(),
    pool.countDue(),
    pool.rentals(),
    ctx.queues.depths(),
    readServerInfo(context),
  ]);
  const aggregators = nodes.filter((node) => node.role === 'aggregator');
  return {
    nodes,
    repos: ids.length,
    activeSessions,
    slots: {
      total: sum(aggregators.map((node) => node.slots)),
      rented: sum(rentals.map((rental) => rental.granted)),
    },
    rentals: rentals.filter((rental) => seesRepo(claims, rental.repoId)),
    queues,
    redis,
  };
}

async function unfinished(ctx: GatewayContext, repoId: string): Promise<SessionRecord[]> {
  return (await ctx.stores.sessions.active(repoId)).filter((session) => !isFinal(session.state));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
