import { fileURLToPath } from 'node:url';
import { payloadBytes, type UpdateEncoding } from '../../src/core/encoding.js';
import type { RoundSummary } from '../../src/core/session.js';
import { SHARD_PARAMS } from '../../src/tensors/sharding.js';
import { startBenchPool, type BenchPool, type Figures, type Usage } from '../lib/pool.js';
import { startNode } from '../lib/process.js';
import { expectedSha256 } from '../lib/expected.js';
import { median, roundTo } from '../lib/statistics.js';
import { startSwarm, type Swarm } from './swarm-process.js';
import { decodedUpdate, examplesOf } from './payload.js';
import type { SwarmOptions } from './swarm.js';
import { addWorkload, secondsPerRound, workload, type Workload } from './workload.js';

export interface RoundsOptions {
  readonly libraries: number;
  /** Of the model, as f32. */
  readonly mib: number;
  /** Of the updates. @default f32 */
  readonly encoding?: UpdateEncoding | undefined;
  /** Rounds that count; others are run before them ({@link warmUpRounds}). */
  readonly rounds: number;
  /** Processes that are all of the pool. @default 0 */
  readonly allInOne?: number;
  readonly gateways?: number;
  readonly aggregators?: number;
  readonly env: Readonly<Record<string, string>>;
  readonly profileDir?: string | undefined;
}

export interface RoundsResult {
  readonly libraries: number;
  readonly mib: number;
  readonly encoding: UpdateEncoding;
  readonly rounds: number;
  readonly warmUpRounds: number;
  /** Median, from one published version to the next. */
  readonly secondsPerRound: number;
  /** Update bytes and version bytes that crossed the network, per second of a round. */
  readonly gbPerSecond: number;
  /** Whether the last version is, bit for bit, what one thread makes of the same updates. */
  readonly exact: boolean;
  readonly ratioToSink: number;
  readonly sinkSecondsPerRound: number;
  /** Of all rounds together, those before too. */
  readonly cpuSeconds: Figures;
  readonly peakRssMiB: Figures;
}

/** So many bytes of updates are sent before rounds count, and by ten rounds at most: V8 compiles what runs often. */
const WARM_UP_MIB = 1_024;

/** The first round opens the connections, so there is one at least. */
function warmUpRounds({ libraries, mib }: { libraries: number; mib: number }): number {
  return Math.min(10, Math.max(1, Math.round(WARM_UP_MIB / (libraries * mib))));
}

/** Runs the sink and then the pool, from one client process. */
export async function measureRounds(options: RoundsOptions): Promise<RoundsResult> {
  const { libraries, mib } = options;
  const warmUp = warmUpRounds(options);
  const rounds = warmUp + options.rounds;
  const work = workload(options);
  const { encoding } = work.swarm.payload;
  const sizes = { paramCount: work.bytes / 4, shardParams: SHARD_PARAMS };
  const bytesEach = work.bytes + payloadBytes(encoding, sizes);
  const swarm = startSwarm();
  try {
    const sinkSeconds = (await runSink(swarm, { ...work.swarm, rounds })).slice(warmUp);
    const pool = await startBenchPool(options);
    try {
      const { history, ...used } = await runPool(swarm, { pool, work, rounds });
      const seconds = secondsPerRound(history).slice(warmUp - 1);
      const sha256 = history.at(-1)?.sha256;
      const before = used.before.cpuSeconds;
      return {
        ...{ libraries, mib, encoding, rounds: options.rounds, warmUpRounds: warmUp },
        secondsPerRound: roundTo(median(seconds)),
        gbPerSecond: roundTo((libraries * bytesEach) / median(seconds) / 1e9),
        exact: sha256 === (await expectedResult(work, rounds)),
        ratioToSink: roundTo(median(sinkSeconds) / median(seconds)),
        sinkSecondsPerRound: roundTo(median(sinkSeconds)),
        cpuSeconds: each(used.after.cpuSeconds, (all, role) => all - (before[role] ?? 0)),
        peakRssMiB: each(used.after.peakRssMiB, (mib) => mib),
      };
    } finally {
      await swarm.end();
      await pool.close();
    }
  } finally {
    await swarm.end();
  }
}

function each(figures: Figures, figure: (value: number, role: keyof Figures) => number): Figures {
  const entries = Object.entries(figures) as [keyof Figures, number][];
  return Object.fromEntries(entries.map(([role, value]) => [role, roundTo(figure(value, role), 2)]));
}

async function runSink(swarm: Swarm, options: SwarmOptions & { rounds: number }): Promise<number[]> {
  let url = '';
  const file = fileURLToPath(new URL('./sink.js', import.meta.url));
  const onLine = (line: string): void => void ({ url } = JSON.parse(line) as { url: string });
  const sink = await startNode([file, String(options.downloadBytes)], {
    env: process.env,
    onLine,
    readyWhen: /"ready":true/,
  });
  try {
    swarm.send({ kind: 'sink', url, ...options });
    const { secondsPerRound } = await swarm.next('sink');
    return secondsPerRound;
  } finally {
    await sink.end();
  }
}

async function runPool(
  swarm: Swarm,
  { pool, work, rounds }: { pool: BenchPool; work: Workload; rounds: number },
): Promise<{ history: readonly RoundSummary[]; before: Usage; after: Usage }> {
  const repo = await addWorkload(pool, work, 'bench');
  const before = pool.usage();
  const session = await repo.submit(rounds);
  repo.join(swarm);
  const { history } = await session.result();
  return { history, before, after: pool.usage() };
}

async function expectedResult({ libraries, model, swarm }: Workload, rounds: number): Promise<string> {
  const delta = decodedUpdate(swarm.payload);
  const examples = Array.from({ length: libraries }, (_, i) => [`lib-${i}`, examplesOf(i)] as const);
  return expectedSha256({
    weights: model.weights,
    libraries: Object.fromEntries(examples),
    rounds,
    shardParams: SHARD_PARAMS,
    delta: () => delta,
  });
}
