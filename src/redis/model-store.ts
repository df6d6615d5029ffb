import { CloudNodeError } from '../protocol/errors.js';
import { modelRecord, testSetRecord, type ModelRecord, type TestSetRecord } from '../protocol/model.js';
import { parseJson } from '../protocol/parse.js';
import type { RedisContext } from './context.js';
import { parseRecord } from './parse-record.js';
import { SharedReads } from './shared-reads.js';

/** A Repo's models, topologies and test sets: the records; bytes are in the blob store. */
export class ModelStore {
  readonly #context: RedisContext;
  readonly #found = new SharedReads<ModelRecord | null>();

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** Models are content-addressed: adding one again changes nothing. @returns the record that is stored */
  async add(repoId: string, record: ModelRecord): Promise<ModelRecord> {
    const { redis, keys } = this.#context;
    await redis.hsetnx(keys.models(repoId), record.modelId, JSON.stringify(record));
    return this.get(repoId, record.modelId);
  }

  async find(repoId: string, modelId: string): Promise<ModelRecord | null> {
    const key = this.#context.keys.models(repoId);
    return this.#found.read(`${key} ${modelId}`, async () => {
      const text = await this.#context.redis.hget(key, modelId);
      return text === null ? null : parseRecord(modelRecord, text);
    });
  }

  /** @throws `model_not_found` */
  async get(repoId: string, modelId: string): Promise<ModelRecord> {
    const record = await this.find(repoId, modelId);
    if (record === null)
      throw new CloudNodeError('model_not_found', `Repo "${repoId}" has no model "${modelId}".`);
    return record;
  }

  /** Newest first. */
  async list(repoId: string): Promise<ModelRecord[]> {
    const all = await this.#context.redis.hvals(this.#context.keys.models(repoId));
    return all.map((text) => parseRecord(modelRecord, text)).sort((a, b) => b.createdMs - a.createdMs);
  }

  async putTopology(repoId: string, topology: { sha256: string; json: string }): Promise<void> {
    await this.#context.redis.set(this.#context.keys.topology(repoId, topology.sha256), topology.json);
  }

  /** @throws `model_not_found` */
  async topology(repoId: string, sha256: string): Promise<string> {
    const json = await this.#context.redis.get(this.#context.keys.topology(repoId, sha256));
    if (json === null)
      throw new CloudNodeError(
        'model_not_found',
        `Repo "${repoId}" has no topology ${sha256.slice(0, 16)}….`,
      );
    return json;
  }

  async putTestSet(repoId: string, record: TestSetRecord): Promise<TestSetRecord | null> {
    const before = await this.findTestSet(repoId, record.testSetId);
    await this.#context.redis.hset(
      this.#context.keys.testSets(repoId),
      record.testSetId,
      JSON.stringify(record),
    );
    return before;
  }

  async findTestSet(repoId: string, testSetId: string): Promise<TestSetRecord | null> {
    const text = await this.#context.redis.hget(this.#context.keys.testSets(repoId), testSetId);
    return text === null ? null : parseJson(testSetRecord, text, 'internal');
  }

  async listTestSets(repoId: string): Promise<TestSetRecord[]> {
    const all = await this.#context.redis.hvals(this.#context.keys.testSets(repoId));
    return all.map((text) => parseJson(testSetRecord, text, 'internal'));
  }

  /** The test set a job is scored on: the one it names, the one named like its data set, or `default`. */
  async testSetFor(
    repoId: string,
    job: { datasetId: string | null; evaluation: { testSetId: string | null } },
  ): Promise<TestSetRecord | null> {
    const { testSetId } = job.evaluation;
    if (testSetId !== null) return this.findTestSet(repoId, testSetId);
    const named = job.datasetId === null ? null : await this.findTestSet(repoId, job.datasetId);
    return named ?? this.findTestSet(repoId, 'default');
  }
}
