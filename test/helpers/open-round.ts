import { encodeFrame } from '../../src/protocol/frame.js';
import { reconcile } from '../../src/core/reconcile.js';
import type { SessionRecord } from '../../src/core/session.js';
import type { JobInput } from '../../src/protocol/job.js';
import { redisNowMs } from '../../src/redis/context.js';
import type { Stores } from '../../src/redis/stores.js';
import type { TestGateway } from './gateway.js';

/** A dense layer from 4 to 5: 25 parameters, four shards of at most 8. */
export const TOPOLOGY = {
  class_name: 'Sequential',
  config: {
    name: 'sequential_1',
    layers: [
      {
        class_name: 'Dense',
        config: {
          name: 'dense_a',
          units: 5,
          activation: 'linear',
          use_bias: true,
          batch_input_shape: [null, 4],
          dtype: 'float32',
        },
      },
    ],
  },
} as const;
export const TENSORS = [
  { name: 'dense_a/kernel', shape: [4, 5], dtype: 'float32' },
  { name: 'dense_a/bias', shape: [5], dtype: 'float32' },
];
export const PARAMS = 25;

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function ramp(length = PARAMS, step = 0.5): Float32Array {
  return Float32Array.from({ length }, (_, i) => i * step);
}

export function modelFrame(values = ramp(), header: object = {}): Uint8Array {
  return encodeFrame({ name: 'tiny', topology: TOPOLOGY, tensors: TENSORS, ...header }, bytesOf(values));
}

export async function uploadModel(
  gateway: TestGateway,
  repoId: string,
  frame = modelFrame(),
): Promise<string> {
  const { body } = await gateway.json(`/v1/repos/${repoId}/models`, { method: 'POST', body: frame });
  return body.modelId as string;
}

export interface OpenRound {
  readonly repoId: string;
  readonly apiKey: string;
  readonly sessionId: string;
  readonly modelId: string;
  readonly session: SessionRecord;
}

/** A Repo with a session whose first round collects updates from these Libraries (with so many examples each). */
export async function openRound(
  gateway: TestGateway,
  libraries: Readonly<Record<string, number>>,
  job: Partial<JobInput> = {},
  model = modelFrame(),
): Promise<OpenRound> {
  const { repoId, apiKey } = await gateway.repo();
  const modelId = await uploadModel(gateway, repoId, model);
  for (const [libraryId, numExamples] of Object.entries(libraries)) {
    await gateway.stores.libraries.join(repoId, libraryId, {
      datasets: [{ datasetId: 'data', numExamples }],
      connection: 'test',
    });
  }
  const count = Object.keys(libraries).length;
  const { body } = await gateway.json(`/v1/repos/${repoId}/sessions`, {
    method: 'POST',
    body: {
      modelId,
      hyperparams: { batchSize: 2 },
      selection: { type: 'all', goal: count },
      continuation: { type: 'count', value: count, minUpdates: 1 },
      ...job,
    },
  });
  const sessionId = body.sessionId as string;
  return {
    repoId,
    apiKey,
    sessionId,
    modelId,
    session: await advance(gateway.stores, { repoId, sessionId }),
  };
}

/** What a coordinator does, until the round collects. */
export async function advance(
  stores: Stores,
  { repoId, sessionId }: { repoId: string; sessionId: string },
): Promise<SessionRecord> {
  for (let steps = 0; steps < 10; steps++) {
    const { record: session, rev } = await stores.sessions.get(repoId, sessionId);
    if (session.round?.state === 'collecting') return session;
    const change = reconcile({
      session,
      nowMs: await redisNowMs(stores.context, repoId),
      queue: { ahead: 0, concurrency: 1 },
      candidates: await stores.libraries.candidates(repoId, session.job.datasetId),
      assignments: [],
      received: 0,
      receipts: [],
      lost: null,
      produced: null,
      scores: [],
      hasTestSet: false,
      leaseMs: 30_000,
      reachableMs: Infinity,
    });
    if (change !== null) await stores.sessions.write(change, { rev });
  }
  throw new Error('no round opened');
}
