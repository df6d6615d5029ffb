import { parseJson } from '../protocol/parse.js';
import { nodeRecord, rentalRecord, type NodeRecord, type RentalRecord } from '../protocol/records.js';
import type { RedisContext } from './context.js';
import { runScript } from './run-script.js';

/** A process silent for longer is taken off the list. */
export const NODE_TTL_MS = 8_000;
/** No gateway says anything for two reports: so soon that no Library counts as away for want of one (6 s). */
const BREAK_MS = 4_000;
/** As long as a session may be paused. */
const REMEMBER_MS = 7 * 86_400_000;

export interface SessionKey {
  readonly repoId: string;
  readonly sessionId: string;
}

/** What belongs to no Repo: living processes, wake times, rentals. Hints, repaired by the sweep. */
export class PoolRegistry {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  async reportNode(record: NodeRecord): Promise<void> {
    const { redis, keys } = this.#context;
    const isGateway = record.role === 'gateway' ? '1' : '0';
    await runScript(redis, 'reportNode', {
      keys: [keys.nodes(), keys.nodesSeen(), keys.reachable()],
      args: [record.nodeId, JSON.stringify(record), NODE_TTL_MS, isGateway, BREAK_MS, REMEMBER_MS],
    });
  }

  /** How long there has been a gateway without a break, ms; 0: there is none. Infinity when no gateway ever said so. */
  async reachableMs(): Promise<number> {
    const { redis, keys } = this.#context;
    const ms = Number(
      await runScript(redis, 'readReachable', { keys: [keys.reachable()], args: [BREAK_MS] }),
    );
    return ms < 0 ? Infinity : ms;
  }

  async removeNode(nodeId: string): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.multi().hdel(keys.nodes(), nodeId).zrem(keys.nodesSeen(), nodeId).exec();
  }

  async nodes(): Promise<NodeRecord[]> {
    const all = await this.#context.redis.hvals(this.#context.keys.nodes());
    return all
      .map((text) => parseJson(nodeRecord, text, 'internal'))
      .sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  }

  /** Sets when to look at a session again. */
  async setDue(session: SessionKey, dueMs: number): Promise<void> {
    await this.#context.redis.zadd(this.#context.keys.due(), dueMs, member(session));
  }

  /** Sessions that somebody still has to look at. */
  async countDue(): Promise<number> {
    return this.#context.redis.zcard(this.#context.keys.due());
  }

  /** For the sweep: remembers a session that was forgotten, and leaves known ones alone. */
  async ensureDue(sessions: readonly SessionKey[]): Promise<void> {
    if (sessions.length === 0) return;
    await this.#context.redis.zadd(
      this.#context.keys.due(),
      'NX',
      ...sessions.flatMap((session) => [0, member(session)]),
    );
  }

  async forget(session: SessionKey): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.multi().zrem(keys.due(), member(session)).hdel(keys.rentals(), member(session)).exec();
  }

  /** Sessions whose time has come; each is put off by `putOffMs` for the other coordinators. */
  async claimDue(options: { limit: number; putOffMs: number }): Promise<SessionKey[]> {
    const { redis, keys } = this.#context;
    const members = (await runScript(redis, 'claimDue', {
      keys: [keys.due()],
      args: [options.limit, options.putOffMs],
    })) as string[];
    return members.map((text) => {
      const cut = text.indexOf('/');
      return { repoId: text.slice(0, cut), sessionId: text.slice(cut + 1) };
    });
  }

  async setRental(rental: RentalRecord): Promise<void> {
    await this.#context.redis.hset(this.#context.keys.rentals(), member(rental), JSON.stringify(rental));
  }

  async rentals(): Promise<RentalRecord[]> {
    const all = await this.#context.redis.hvals(this.#context.keys.rentals());
    return all.map((text) => parseJson(rentalRecord, text, 'internal'));
  }
}

function member({ repoId, sessionId }: SessionKey): string {
  return `${repoId}/${sessionId}`;
}
