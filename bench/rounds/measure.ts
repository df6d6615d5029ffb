import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Explora, type SessionView } from '../../src/explora/index.js';
import { denseModel } from '../lib/dense-model.js';
import { startBenchPool, type BenchPool, type Role, type Usage } from '../lib/pool.js';
import { startNode } from '../lib/process.js';
import type { Command, Message, SwarmOptions } from './swarm.js';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const REPO = 'bench';

export interface RoundsOptions {
  readonly libraries: number;
  readonly mib: number;
  readonly rounds: number;
  readonly gateways: number;
  readonly aggregators: number;
  readonly env: Readonly<Record<string, string>>;
  readonly profileDir?: string | undefined;
}

export interface RoundsResult {
  readonly libraries: number;
  readonly mib: number;
  readonly rounds: number;
  /** Median over all rounds but the first, from one published version to the next. */
  readonly secondsPerRound: number;
  /** Update bytes and version bytes that crossed the network, per second of a round. */
  readonly gbPerSecond: number;
  readonly ratioToSink: number;
  readonly sinkSecondsPerRound: number;
  /** Of all rounds together. */
  readonly cpuSeconds: Record<Role, number>;
  readonly peakRssMiB: Record<Role, number>;
}

/** Runs the sink and then the pool, from one client process. */
export async function measureRounds(options: RoundsOptions): Promise<RoundsResult> {
  // A dense layer of 1,024 units has 1,025 parameters a unit; the next whole one.
  const inputs = Math.max(1, Math.round((options.mib * 2 ** 18) / 1_024) - 1);
  const model = denseModel(inputs, 1_024);
  const bytes = model.weights.byteLength;
  const { libraries } = options;
  const swarmOptions = {
    libraries,
    downloadBytes: bytes,
    payload: { seed: 1, bytes, encoding: 'f32' },
  };
  const swarm = fork(here('./swarm.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    const sinkSeconds = await runSink(swarm, { ...swarmOptions, rounds: options.rounds });
    const pool = await startBenchPool(options);
    try {
      const { seconds, before, after } = await runPool(swarm, { pool, model, swarmOptions, ...options });
      const round = (value: number, digits = 3): number => Number(value.toFixed(digits));
      const ofRoles = (figure: (role: Role) => number): Record<Role, number> => ({
        gateway: round(figure('gateway'), 2),
        coordinator: round(figure('coordinator'), 2),
        aggregator: round(figure('aggregator'), 2),
        redis: round(figure('redis'), 2),
      });
      return {
        libraries,
        mib: options.mib,
        rounds: options.rounds,
        secondsPerRound: round(median(seconds)),
        gbPerSecond: round((2 * libraries * bytes) / median(seconds) / 1e9),
        ratioToSink: round(median(sinkSeconds) / median(seconds)),
        sinkSecondsPerRound: round(median(sinkSeconds)),
        cpuSeconds: ofRoles((role) => after.cpuSeconds[role] - before.cpuSeconds[role]),
        peakRssMiB: ofRoles((role) => after.peakRssMiB[role]),
      };
    } finally {
      swarm.send({ kind: 'end' } satisfies Command);
      await pool.close();
    }
  } finally {
    swarm.kill();
  }
}

async function runSink(swarm: ChildProcess, options: SwarmOptions & { rounds: number }): Promise<number[]> {
  let url = '';
  const onLine = (line: string): void => void ({ url } = JSON.parse(line) as { url: string });
  const sink = await startNode([here('./sink.js'), String(options.downloadBytes)], {
    env: process.env,
    onLine,
    readyWhen: /"ready":true/,
  });
  try {
    swarm.send({ kind: 'sink', url, ...options } satisfies Command);
    const { secondsPerRound } = await message(swarm, 'sink');
    // The first one opens the connections.
    return secondsPerRound.slice(1);
  } finally {
    await sink.end();
  }
}

async function runPool(
  swarm: ChildProcess,
  run: RoundsOptions & {
    pool: BenchPool;
    model: ReturnType<typeof denseModel>;
    swarmOptions: SwarmOptions;
  },
): Promise<{ seconds: number[]; before: Usage; after: Usage }> {
  const { pool, model, swarmOptions, libraries, rounds } = run;
  const apiKey = await pool.repo(REPO);
  const explora = new Explora({ url: pool.urls, repoId: REPO, token: await pool.token('admin') });
  const { modelId } = await explora.uploadModel(model);
  const before = pool.usage();
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: libraries },
    continuation: { value: 1, minUpdates: libraries },
    deadlines: { recruitMs: 120_000, roundMs: 600_000, closeMs: 600_000 },
    termination: { maxRounds: rounds },
    evaluation: { on: 'none' },
    checkpointEvery: 1_000,
  });
  swarm.on('message', (note: Message) => {
    if (note.kind === 'error') process.stderr.write(`${note.message}\n`);
  });
  swarm.send({ kind: 'pool', urls: pool.urls, apiKey, ...swarmOptions } satisfies Command);
  const view: SessionView = await session.result();
  if (view.state !== 'completed') throw new Error(`The session ${view.state}: ${view.reason ?? ''}`);
  const published = view.history.map((round) => round.publishedMs);
  const seconds = published.slice(1).map((ms, i) => (ms - (published[i] ?? ms)) / 1000);
  return { seconds, before, after: pool.usage() };
}

function message<K extends Message['kind']>(
  swarm: ChildProcess,
  kind: K,
): Promise<Extract<Message, { kind: K }>> {
  return new Promise((resolve, reject) => {
    swarm.on('message', (note: Message) => {
      if (note.kind === kind) resolve(note as Extract<Message, { kind: K }>);
      else if (note.kind === 'error') reject(new Error(note.message));
    });
    swarm.once('exit', () => reject(new Error('The process of the Libraries ended.')));
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[half] ?? NaN)
    : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2;
}
