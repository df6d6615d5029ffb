import type { UpdateEncoding } from '../../src/core/encoding.js';
import { Explora, type ExploraSession } from '../../src/explora/index.js';
import { denseModel } from '../lib/dense-model.js';
import { progress } from '../lib/options.js';
import type { BenchPool } from '../lib/pool.js';
import type { Swarm } from './swarm-process.js';
import type { SwarmOptions } from './swarm.js';

/** Rounds in which every Library takes part and nothing is trained. */
export interface Workload {
  readonly libraries: number;
  readonly bytes: number;
  readonly model: ReturnType<typeof denseModel>;
  readonly swarm: SwarmOptions;
}

export function workload({
  libraries,
  mib,
  encoding = 'f32',
}: {
  libraries: number;
  mib: number;
  encoding?: UpdateEncoding | undefined;
}): Workload {
  // A dense layer of 1,024 units has 1,025 parameters a unit; the next whole one.
  const inputs = Math.max(1, Math.round((mib * 2 ** 18) / 1_024) - 1);
  const model = denseModel(inputs, 1_024);
  const bytes = model.weights.byteLength;
  const payload = { seed: 1, bytes, encoding };
  return { libraries, bytes, model, swarm: { libraries, downloadBytes: bytes, payload } };
}

/** A Repo with an uploaded model and, once they are told to, its Libraries. */
export interface WorkloadRepo {
  readonly explora: Explora;
  /** Submits a session that goes on for this many rounds. */
  submit(rounds: number): Promise<ExploraSession>;
  /** The Libraries connect. With `hold` they keep their updates back until the swarm is told to go. */
  join(swarm: Swarm, options?: { hold?: boolean }): void;
  readonly apiKey: string;
}

export async function addWorkload(
  pool: BenchPool,
  { libraries, model, swarm: options }: Workload,
  repoId: string,
): Promise<WorkloadRepo> {
  const apiKey = await pool.repo(repoId);
  const explora = new Explora({ url: pool.urls, repoId, token: await pool.token('admin') });
  const { modelId } = await explora.uploadModel(model);
  return {
    explora,
    apiKey,
    submit: (rounds) =>
      explora.submit({
        modelId,
        update: { encoding: options.payload.encoding },
        hyperparams: { batchSize: 1 },
        selection: { type: 'all', goal: libraries },
        continuation: { value: 1, minUpdates: libraries },
        deadlines: { recruitMs: 120_000, roundMs: 600_000, closeMs: 600_000 },
        termination: { maxRounds: rounds },
        evaluation: { on: 'none' },
        checkpointEvery: 1_000,
      }),
    join: (swarm, { hold = false } = {}) => {
      swarm.on('error', ({ message }) => progress(`${repoId}: ${message}`));
      swarm.send({ kind: 'pool', urls: pool.urls, apiKey, hold, ...options });
    },
  };
}

/** Seconds from one published version to the next: all rounds but the first. */
export function secondsPerRound(history: readonly { readonly publishedMs: number }[]): number[] {
  const published = history.map((round) => round.publishedMs);
  return published.slice(1).map((ms, i) => (ms - (published[i] ?? ms)) / 1000);
}
