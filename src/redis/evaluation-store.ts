import {
  evaluationOutcome,
  evaluationRecord,
  type EvaluationOutcome,
  type EvaluationRecord,
} from '../protocol/evaluation.js';
import { CloudNodeError } from '../protocol/errors.js';
import type { RedisContext } from './context.js';
import { parseRecord } from './parse-record.js';

export interface StoredEvaluation {
  readonly record: EvaluationRecord;
  /** Null: it is still to be done. */
  readonly outcome: EvaluationOutcome | null;
}

/** What people had scored by hand. Record and outcome are two fields of one hash: the outcome is written once. */
export class EvaluationStore {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** Newest first. */
  async list(repoId: string): Promise<StoredEvaluation[]> {
    const { redis, keys } = this.#context;
    const all = await redis.hgetall(keys.evaluations(repoId));
    return Object.entries(all)
      .filter(([field]) => !field.endsWith(OUTCOME))
      .map(([id, record]) => stored(record, all[id + OUTCOME] ?? null))
      .sort((a, b) => b.record.createdMs - a.record.createdMs);
  }

  async find(repoId: string, id: string): Promise<StoredEvaluation | null> {
    const { redis, keys } = this.#context;
    const [record, outcome] = await redis.hmget(keys.evaluations(repoId), id, id + OUTCOME);
    return record === null || record === undefined ? null : stored(record, outcome ?? null);
  }

  /** @throws `evaluation_not_found` */
  async get(repoId: string, id: string): Promise<StoredEvaluation> {
    const found = await this.find(repoId, id);
    if (found === null)
      throw new CloudNodeError('evaluation_not_found', `Repo "${repoId}" has no evaluation "${id}".`);
    return found;
  }

  /** To be done, also when it was done before. */
  async put(repoId: string, record: EvaluationRecord): Promise<void> {
    const { redis, keys } = this.#context;
    const key = keys.evaluations(repoId);
    const { evaluationId: id } = record;
    await redis
      .multi()
      .hset(key, id, JSON.stringify(record))
      .hdel(key, id + OUTCOME)
      .exec();
  }

  /** The first outcome holds: whoever comes later changes nothing. */
  async finish(repoId: string, id: string, outcome: EvaluationOutcome): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.hsetnx(keys.evaluations(repoId), id + OUTCOME, JSON.stringify(outcome));
  }

  async drop(repoId: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { redis, keys } = this.#context;
    await redis.hdel(keys.evaluations(repoId), ...ids.flatMap((id) => [id, id + OUTCOME]));
  }
}

/** No id has a colon. */
const OUTCOME = ':outcome';

function stored(record: string, outcome: string | null): StoredEvaluation {
  return {
    record: parseRecord(evaluationRecord, record),
    outcome: outcome === null ? null : parseRecord(evaluationOutcome, outcome),
  };
}
