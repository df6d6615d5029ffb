import type { AssignmentRecord, AssignmentState, Receipt } from '../core/session.js';
import type { CloudNodeError } from '../protocol/errors.js';
import { parseJson } from '../protocol/parse.js';
import { assignmentRecord, receipt } from '../protocol/records.js';
import type { RedisContext } from './context.js';
import { Gathered } from './gathered.js';
import type { AttemptRef } from './keys.js';
import { parseRecord } from './parse-record.js';
import { runScript } from './run-script.js';
import { scriptError } from './script-codes.js';
import { EVENTS_KEPT } from './session-store.js';

export interface Committed {
  readonly duplicate: boolean;
  readonly received: number;
  readonly needed: number;
}

/** What became of updates that were to be counted together: all of them were, or none. */
export interface CommitOutcome {
  readonly counted: boolean;
  readonly received: number;
  readonly needed: number;
  /** Names of stored bytes counted so far in the session, of updates and of sums. */
  readonly blobs: number;
  /** By update: why it cannot be counted, or null. */
  readonly errors: readonly (CloudNodeError | null)[];
  /** By update: whether this very update had been counted before. */
  readonly duplicates: readonly boolean[];
}

/** What a Library says of its assignment. */
export interface Settlement {
  readonly libraryId: string;
  readonly state: Extract<AssignmentState, 'accepted' | 'declined' | 'failed'>;
  readonly reason: string;
}

/** One shard's partial: how many updates (in receipt order) are in it, and where it is. */
export interface FoldPointer {
  readonly folded: number;
  readonly blob: string;
}

/** One attempt at a round: assignments, receipts, folds. */
export class RoundStore {
  readonly #context: RedisContext;
  readonly #assignments = new Gathered<string, string | null>();
  readonly #settlements = new Gathered<Settlement, number>();

  constructor(context: RedisContext) {
    this.#context = context;
  }

  async assignment(at: AttemptRef, libraryId: string): Promise<AssignmentRecord | null> {
    const { redis, keys } = this.#context;
    const key = keys.assignments(at);
    const text = await this.#assignments.ask(key, libraryId, (all) => redis.hmget(key, ...all));
    return text === null ? null : parseRecord(assignmentRecord, text);
  }

  async assignments(at: AttemptRef): Promise<Map<string, AssignmentRecord>> {
    const all = await this.#context.redis.hgetall(this.#context.keys.assignments(at));
    return new Map(
      Object.entries(all).map(([id, text]) => [id, parseJson(assignmentRecord, text, 'internal')]),
    );
  }

  /** @returns whether it changed anything. @throws `not_assigned`, `round_closed`, `assignment_over` */
  async settle(at: AttemptRef, change: Settlement): Promise<boolean> {
    const { redis, keys } = this.#context;
    const key = keys.assignments(at);
    const code = await this.#settlements.ask(key, change, async (all) => {
      const codes = await runScript(redis, 'settleAssignments', {
        keys: [keys.sessionRecord(at.repoId, at.sessionId), key],
        args: [at.round, at.attempt, ...all.flatMap((one) => [one.libraryId, one.state, one.reason])],
      });
      return codes as number[];
    });
    if (code < 0) throw scriptError(code, { ...at, libraryId: change.libraryId });
    return code === 1;
  }

  /**
   * Counts updates whose bytes are stored, all or none, in one atomic step: where they are in one sum, no other way
   * would be right. Sending an update again is answered alike and counts once.
   */
  async commitAll(at: AttemptRef, updates: readonly Omit<Receipt, 'receivedMs'>[]): Promise<CommitOutcome> {
    const { redis, keys } = this.#context;
    const reply = await runScript(redis, 'commitUpdates', {
      keys: [
        keys.sessionRecord(at.repoId, at.sessionId),
        keys.assignments(at),
        keys.receipts(at),
        keys.events(at.repoId, at.sessionId),
      ],
      args: [
        ...[at.round, at.attempt, EVENTS_KEPT],
        ...updates.flatMap((update) => [update.libraryId, update.updateId, JSON.stringify(update)]),
      ],
    });
    const [counted = 0, received = 0, needed = 0, blobs = 0, ...codes] = (reply as unknown[]).map(Number);
    const errors = codes.map((code, i) =>
      code < 0 ? scriptError(code, { ...at, libraryId: updates[i]?.libraryId ?? '' }) : null,
    );
    return { counted: counted === 1, received, needed, blobs, errors, duplicates: codes.map((c) => c === 2) };
  }

  /**
   * The same for one.
   * @throws `not_assigned`, `round_closed`, `assignment_over`, `update_already_received`
   */
  async commit(
    at: AttemptRef,
    update: Omit<Receipt, 'receivedMs'>,
  ): Promise<Committed & Pick<CommitOutcome, 'blobs'>> {
    const { errors, counted, received, needed, blobs } = await this.commitAll(at, [update]);
    const [error = null] = errors;
    if (error !== null) throw error;
    return { duplicate: !counted, received, needed, blobs };
  }

  async countReceipts(at: AttemptRef): Promise<number> {
    return this.#context.redis.llen(this.#context.keys.receipts(at));
  }

  /** Receipts from sequence number `from` on. */
  async receipts(at: AttemptRef, from = 0): Promise<Receipt[]> {
    const texts = await this.#context.redis.lrange(this.#context.keys.receipts(at), from, -1);
    return texts.map((text) => parseJson(receipt, text, 'internal'));
  }

  async folds(at: AttemptRef): Promise<Map<number, FoldPointer>> {
    const all = await this.#context.redis.hgetall(this.#context.keys.folds(at));
    return new Map(Object.entries(all).map(([shard, text]) => [Number(shard), parsePointer(text)]));
  }

  async fold(at: AttemptRef, shard: number): Promise<FoldPointer | null> {
    const text = await this.#context.redis.hget(this.#context.keys.folds(at), String(shard));
    return text === null ? null : parsePointer(text);
  }

  /** Moves a shard's pointer if it is still `from`. @returns false when another worker was first */
  async commitFold(
    at: AttemptRef,
    shard: number,
    move: { from: FoldPointer | null; to: FoldPointer; ttlMs: number },
  ): Promise<boolean> {
    const { redis, keys } = this.#context;
    const args = [
      shard,
      move.from === null ? '' : formatPointer(move.from),
      formatPointer(move.to),
      move.ttlMs,
    ];
    return (await runScript(redis, 'commitFold', { keys: [keys.folds(at)], args })) === 1;
  }

  /** The next version's shard is stored under its hash. Deterministic, so writing it twice is harmless. */
  async setProduced(at: AttemptRef, shard: number, value: { sha256: string; ttlMs: number }): Promise<void> {
    const { redis, keys } = this.#context;
    await redis
      .multi()
      .hset(keys.produced(at), String(shard), value.sha256)
      .pexpire(keys.produced(at), value.ttlMs)
      .exec();
  }

  async produced(at: AttemptRef): Promise<{ shards: Map<number, string>; lost: string | null }> {
    const { lost, ...shards } = await this.#context.redis.hgetall(this.#context.keys.produced(at));
    return {
      shards: new Map(Object.entries(shards).map(([k, sha]) => [Number(k), sha])),
      lost: lost ?? null,
    };
  }

  /** Bytes that were acknowledged are gone (Redis lost them): the attempt cannot be finished. */
  async setLost(at: AttemptRef, loss: { reason: string; ttlMs: number }): Promise<void> {
    const { redis, keys } = this.#context;
    await redis
      .multi()
      .hset(keys.produced(at), 'lost', loss.reason)
      .pexpire(keys.produced(at), loss.ttlMs)
      .exec();
  }

  async clear(at: AttemptRef): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.unlink(keys.assignments(at), keys.receipts(at), keys.folds(at), keys.produced(at));
  }
}

function parsePointer(text: string): FoldPointer {
  const cut = text.indexOf(':');
  return { folded: Number(text.slice(0, cut)), blob: text.slice(cut + 1) };
}

function formatPointer({ folded, blob }: FoldPointer): string {
  return `${folded}:${blob}`;
}
