import type { RepoDeleted } from '../protocol/http.js';
import type { RedisContext } from './context.js';
import type { AttemptRef } from './keys.js';

/** Deleting a Repo: records only, bytes first. Each step may be repeated, and a deletion that broke off is begun anew. */
export class Removal {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** Whether the Repo is there, or was and its deletion broke off. */
  async isKnown(repoId: string): Promise<boolean> {
    const { redis, keys } = this.#context;
    return (await redis.sismember(keys.repos(), repoId)) === 1;
  }

  /** What its records name now. */
  async count(repoId: string): Promise<Omit<RepoDeleted['removed'], 'versions'>> {
    const { redis, keys } = this.#context;
    const [apiKeys, libraries, sessions, models, testSets, auditEntries] = await Promise.all([
      redis.hlen(keys.apiKeys(repoId)),
      redis.hlen(keys.libraries(repoId)),
      redis.zcard(keys.sessions(repoId)),
      redis.hlen(keys.models(repoId)),
      redis.hlen(keys.testSets(repoId)),
      redis.xlen(keys.audit(repoId)),
    ]);
    return { keys: apiKeys, libraries, sessions, models, testSets, auditEntries };
  }

  /** From here on nobody gets in: no key is valid and the Repo is not found. */
  async shut(repoId: string): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.unlink(keys.apiKeys(repoId), keys.keyUses(repoId), keys.repoRecord(repoId));
  }

  /** Some sessions of any state. */
  async sessionIds(repoId: string, limit: number): Promise<string[]> {
    const { redis, keys } = this.#context;
    return redis.zrange(keys.sessions(repoId), '0', String(limit - 1));
  }

  /** Records of a session and of its attempts that are named. */
  async removeSession(repoId: string, sessionId: string, attempts: readonly AttemptRef[]): Promise<void> {
    const { redis, keys } = this.#context;
    const ofAttempts = attempts.flatMap((at) => [
      keys.assignments(at),
      keys.receipts(at),
      keys.folds(at),
      keys.produced(at),
    ]);
    await redis.unlink(
      keys.sessionRecord(repoId, sessionId),
      keys.events(repoId, sessionId),
      keys.versions(repoId, sessionId),
      keys.history(repoId, sessionId),
      keys.scores(repoId, sessionId),
      ...ofAttempts,
    );
    await redis.zrem(keys.active(repoId), sessionId);
    await redis.zrem(keys.sessions(repoId), sessionId);
  }

  /** What is left when sessions and bytes are gone, but for the audit trail. */
  async removeRest(repoId: string, topologies: readonly string[]): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.unlink(
      keys.models(repoId),
      keys.testSets(repoId),
      keys.evaluations(repoId),
      keys.aliases(repoId),
      keys.libraries(repoId),
      keys.presence(repoId),
      keys.active(repoId),
      keys.sessions(repoId),
      ...topologies.map((sha256) => keys.topology(repoId, sha256)),
    );
  }

  /** The last step: its id is free again. */
  async forget(repoId: string): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.unlink(keys.audit(repoId), keys.auditHead(repoId));
    await redis.srem(keys.repos(), repoId);
  }
}
