import type { Change } from '../core/decision.js';
import { isFinal, type RoundSummary, type SessionRecord } from '../core/session.js';
import type { Score } from '../core/termination.js';
import { CloudNodeError } from '../protocol/errors.js';
import { metrics } from '../protocol/ids.js';
import { parseJson } from '../protocol/parse.js';
import { roundSummary, sessionRecord, versionEntry } from '../protocol/records.js';
import type { Logger } from '../telemetry/logger.js';
import { tellChange } from '../telemetry/tell-change.js';
import type { RedisContext } from './context.js';
import { parseRecord } from './parse-record.js';
import { runScript } from './run-script.js';
import { SharedReads } from './shared-reads.js';

/** Entries kept of a session's event stream, about. */
export const EVENTS_KEPT = 10_000;

export interface StoredSession {
  readonly record: SessionRecord;
  /** For compare-and-set. */
  readonly rev: number;
}

/** Sessions: their record by compare-and-set, and what is kept beside it. */
export class SessionStore {
  readonly #context: RedisContext;
  readonly #log: Logger | null;
  readonly #found = new SharedReads<StoredSession | null>();
  readonly #active = new SharedReads<readonly SessionRecord[]>();
  readonly #versions = new SharedReads<VersionEntries[number] | null>();

  constructor(context: RedisContext, log: Logger | null = null) {
    this.#context = context;
    this.#log = log;
  }

  async find(repoId: string, sessionId: string): Promise<StoredSession | null> {
    const { redis, keys } = this.#context;
    const key = keys.sessionRecord(repoId, sessionId);
    return this.#found.read(key, async () => {
      const [rev, record] = await redis.hmget(key, 'rev', 'record');
      if (rev === null || rev === undefined || record === null || record === undefined) return null;
      return { rev: Number(rev), record: parseRecord(sessionRecord, record) };
    });
  }

  /** @throws `session_not_found` */
  async get(repoId: string, sessionId: string): Promise<StoredSession> {
    const stored = await this.find(repoId, sessionId);
    if (stored === null)
      throw new CloudNodeError('session_not_found', `Repo "${repoId}" has no session "${sessionId}".`);
    return stored;
  }

  /**
   * Writes a change if the record still has revision `rev` (0: if there is none yet).
   * @param guard.before what was read with `rev`, so that operators are told what changed
   * @param guard.expectedReceipts the write holds only if so many updates are counted at this moment
   * @returns the new revision, or null when somebody else was first
   */
  async write(
    change: Change,
    guard: { rev: number; before?: SessionRecord; expectedReceipts?: number },
  ): Promise<number | null> {
    const { redis, keys } = this.#context;
    const { next } = change;
    const { repoId, sessionId, round } = next;
    const attempt = { repoId, sessionId, round: round?.number ?? 0, attempt: round?.attempt ?? 0 };
    const reply = await runScript(redis, 'writeSession', {
      keys: [
        keys.sessionRecord(repoId, sessionId),
        keys.active(repoId),
        keys.sessions(repoId),
        keys.events(repoId, sessionId),
        keys.assignments(attempt),
        keys.receipts(attempt),
        keys.versions(repoId, sessionId),
        keys.history(repoId, sessionId),
      ],
      args: [
        guard.rev,
        JSON.stringify(next),
        attempt.round,
        attempt.attempt,
        round?.state ?? '',
        round?.needed ?? 0,
        sessionId,
        next.createdMs,
        needsCoordinator(next) ? '1' : '0',
        guard.expectedReceipts ?? '',
        JSON.stringify(change.assign ?? []),
        JSON.stringify(change.expire ?? []),
        change.version?.version ?? '',
        change.version === undefined ? '' : JSON.stringify(change.version),
        change.summary?.round ?? '',
        change.summary === undefined ? '' : JSON.stringify(change.summary),
        EVENTS_KEPT,
        ...change.events.map((event) => JSON.stringify(event)),
      ],
    });
    if (Number(reply) < 0) return null;
    tellChange(guard.before ?? null, change, this.#log);
    return Number(reply);
  }

  /** Newest first. */
  async list(repoId: string, { limit = 200, offset = 0 } = {}): Promise<SessionRecord[]> {
    const { redis, keys } = this.#context;
    const ids = await redis.zrevrange(keys.sessions(repoId), offset, offset + limit - 1);
    const all = await Promise.all(ids.map((id) => this.find(repoId, id)));
    return all.filter((stored) => stored !== null).map((stored) => stored.record);
  }

  /** Of all that are kept, and of those that need a coordinator. */
  async count(repoId: string): Promise<{ kept: number; open: number }> {
    const { redis, keys } = this.#context;
    const [kept, open] = await Promise.all([
      redis.zcard(keys.sessions(repoId)),
      redis.zcard(keys.active(repoId)),
    ]);
    return { kept, open };
  }

  /** Sessions that need a coordinator, in queue order. */
  async activeIds(repoId: string): Promise<string[]> {
    return this.#context.redis.zrange(this.#context.keys.active(repoId), '0', '-1');
  }

  async active(repoId: string): Promise<readonly SessionRecord[]> {
    return this.#active.read(repoId, async () => {
      const all = await Promise.all((await this.activeIds(repoId)).map((id) => this.find(repoId, id)));
      return all.filter((stored) => stored !== null).map((stored) => stored.record);
    });
  }

  async history(repoId: string, sessionId: string): Promise<RoundSummary[]> {
    const all = await this.#context.redis.hvals(this.#context.keys.history(repoId, sessionId));
    return all.map((text) => parseJson(roundSummary, text, 'internal')).sort((a, b) => a.round - b.round);
  }

  async versions(repoId: string, sessionId: string): Promise<VersionEntries> {
    const all = await this.#context.redis.hvals(this.#context.keys.versions(repoId, sessionId));
    return all.map((text) => parseRecord(versionEntry, text)).sort((a, b) => a.version - b.version);
  }

  async findVersion(
    repoId: string,
    sessionId: string,
    version: number,
  ): Promise<VersionEntries[number] | null> {
    const key = this.#context.keys.versions(repoId, sessionId);
    return this.#versions.read(`${key} ${version}`, async () => {
      const text = await this.#context.redis.hget(key, String(version));
      return text === null ? null : parseRecord(versionEntry, text);
    });
  }

  async dropVersion(repoId: string, sessionId: string, version: number): Promise<void> {
    await this.#context.redis.hdel(this.#context.keys.versions(repoId, sessionId), String(version));
  }

  async scores(repoId: string, sessionId: string): Promise<Score[]> {
    const all = await this.#context.redis.hgetall(this.#context.keys.scores(repoId, sessionId));
    return Object.entries(all)
      .map(([version, text]) => ({ version: Number(version), metrics: parseJson(metrics, text, 'internal') }))
      .sort((a, b) => a.version - b.version);
  }

  /** The evaluator's result, once: a repetition changes nothing. */
  async addScore(repoId: string, sessionId: string, score: Score): Promise<void> {
    const { redis, keys } = this.#context;
    const isNew = await redis.hsetnx(
      keys.scores(repoId, sessionId),
      String(score.version),
      JSON.stringify(score.metrics),
    );
    if (isNew === 0) return;
    const event = JSON.stringify({ type: 'version.scored', version: score.version, metrics: score.metrics });
    await redis.xadd(keys.events(repoId, sessionId), 'MAXLEN', '~', String(EVENTS_KEPT), '*', 'e', event);
  }
}

type VersionEntries = (typeof versionEntry)['_output'][];

export function needsCoordinator(session: SessionRecord): boolean {
  return !isFinal(session.state) || session.leftovers.length > 0;
}
