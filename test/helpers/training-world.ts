import { createHash } from 'node:crypto';
import { blobName } from '../../src/blobs/blob-store.js';
import { parseEnv } from '../../src/config/env.js';
import { shardBytes } from '../../src/core/encoding.js';
import type { SessionRecord } from '../../src/core/session.js';
import { encodeUpdate } from '../../src/library/encode-update.js';
import type { JobInput } from '../../src/protocol/job.js';
import { rootHash } from '../../src/tensors/hash.js';
import { shardCount, shardSpan } from '../../src/tensors/sharding.js';
import type { AggregatorDeps } from '../../workers/aggregator/aggregator-deps.js';
import { localFolders } from '../../workers/aggregator/folder-pool.js';
import { makeJob, newSession } from '../core/world.js';
import { testContext } from './context.js';
import { onCluster, serverEnv } from './servers.js';

export interface TrainingWorld extends AggregatorDeps {
  readonly session: SessionRecord;
  readonly base: Float32Array;
  /** Announces Libraries with so many examples each. */
  join(examples: Readonly<Record<string, number>>): Promise<void>;
  /** Stores and commits an update as a gateway does. */
  update(libraryId: string, delta: Float32Array, numExamples: number): Promise<void>;
  current(): Promise<SessionRecord>;
  parameters(version: number): Promise<Float32Array | null>;
}

export interface TrainingOptions {
  readonly cluster?: boolean;
  readonly paramCount?: number;
  readonly shardParams?: number;
  readonly job?: Partial<JobInput>;
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const shaOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A Repo with a stored model and a queued session, and the parts of a gateway that matter to workers. */
export async function trainingWorld(options: TrainingOptions = {}): Promise<TrainingWorld> {
  const { cluster = onCluster, paramCount = 20, shardParams = 8 } = options;
  const context = await testContext({ cluster });
  const { stores, blobs } = context;
  const count = shardCount(paramCount, shardParams);
  const base = Float32Array.from({ length: paramCount }, (_, i) => Math.fround(Math.sin(i)));
  const slice = (values: Float32Array, shard: number): Uint8Array => {
    const { start, length } = shardSpan(paramCount, shardParams, shard);
    return bytesOf(values.subarray(start, start + length));
  };
  const shards = Array.from({ length: count }, (_, shard) => shaOf(slice(base, shard)));
  for (const [shard, sha256] of shards.entries()) {
    await blobs.put(
      { repoId: 'repo', scope: 'up-1', shard, name: blobName.parameters(sha256) },
      slice(base, shard),
    );
  }
  await stores.repos.create({
    v: 1,
    repoId: 'repo',
    name: 'repo',
    createdMs: 1,
    maxSlots: null,
    limits: {},
    concurrency: 1,
  });
  await stores.models.add('repo', {
    v: 1,
    modelId: 'm-1',
    name: 'model',
    format: 'tfjs-layers',
    topologySha256: '0'.repeat(64),
    tensors: [{ name: 'w', shape: [paramCount], dtype: 'float32' }],
    parameters: {
      scope: 'up-1',
      version: 0,
      sha256: await rootHash(shards),
      shards,
      shardParams,
      paramCount,
    },
    createdMs: 1,
    trainedBy: null,
  });
  const job = makeJob(options.job ?? {});
  const session = {
    ...newSession(job, 1_000),
    deadlineMs: 4e12,
    geometry: { paramCount, shardParams, shardCount: count },
  };
  await stores.sessions.write(
    { next: session, events: [{ type: 'session.queued', reason: null }] },
    { rev: 0 },
  );
  await stores.pool.setDue(session, 0);
  const current = async (): Promise<SessionRecord> => (await stores.sessions.get('repo', 's-1')).record;
  let uploads = 0;

  return {
    config: parseEnv({
      ...serverEnv({ url: context.redisUrl, cluster }),
      REDIS_PREFIX: context.prefix,
      SWEEP_MS: '50',
    }),
    log: context.log,
    stores,
    blobs,
    queues: context.queues,
    folders: localFolders(),
    session,
    base,
    current,
    join: async (examples) => {
      for (const [libraryId, numExamples] of Object.entries(examples)) {
        await stores.libraries.join('repo', libraryId, {
          datasets: [{ datasetId: 'data', numExamples }],
          connection: 'c',
        });
      }
    },
    update: async (libraryId, delta, numExamples) => {
      const { round } = await current();
      if (round === null) throw new Error('no round is open');
      const uploadId = `up${(uploads += 1)}`;
      const { encoding, maxMagnitude } = job.update;
      const { clipNorm } = job.privacy;
      const payload = encodeUpdate(delta, { encoding, maxMagnitude, clipNorm, shardParams });
      const pieceBytes = shardBytes(encoding, shardParams);
      for (let shard = 0; shard < count; shard++) {
        const ref = { repoId: 'repo', scope: 's-1', shard, name: blobName.update(uploadId) };
        await blobs.put(ref, payload.subarray(shard * pieceBytes, (shard + 1) * pieceBytes));
      }
      const at = { repoId: 'repo', sessionId: 's-1', round: round.number, attempt: round.attempt };
      const receipt = {
        libraryId,
        updateId: `u-${libraryId}`,
        blob: blobName.update(uploadId),
        numExamples,
        metrics: { loss: 1 },
        evaluation: null,
      };
      await stores.rounds.commit(at, receipt);
    },
    parameters: async (version) => {
      const entry = await stores.sessions.findVersion('repo', 's-1', version);
      if (entry === null) return null;
      const flat = new Float32Array(paramCount);
      for (const [shard, sha256] of entry.shards.entries()) {
        const piece = await blobs.get({
          repoId: 'repo',
          scope: 's-1',
          shard,
          name: blobName.parameters(sha256),
        });
        if (piece === null) return null;
        bytesOf(flat).set(piece, shardSpan(paramCount, shardParams, shard).start * 4);
      }
      return flat;
    },
  };
}
