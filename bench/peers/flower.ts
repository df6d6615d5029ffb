import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../src/telemetry/package-root.js';
import { FlowerStage } from './flower-stage.js';
import { pythonWith } from '../lib/python.js';
import { watchDescendants } from './usage.js';

const WARM_UP_ROUNDS = 1;
/** Parameters are of size 1; every round of f32 costs less than 1e-6. */
const MAX_ERROR = 1e-4;

export interface FlowerOptions {
  readonly libraries: number;
  /** Size of the model in MiB of f32. */
  readonly mib: number;
  /** Rounds that count; one more is run before them. */
  readonly rounds: number;
  /** `stock`: Flower's fixed waits of 3 s between looks. `eager`: hardly any waiting, which no user can set. */
  readonly polling?: 'stock' | 'eager';
  readonly log: (line: string) => void;
}

export interface PeerResult {
  readonly case: 'flower';
  readonly version: string;
  readonly polling: 'stock' | 'eager';
  readonly libraries: number;
  readonly mib: number;
  readonly rounds: number;
  /** The median of `perRound`. */
  readonly secondsPerRound: number;
  readonly perRound: readonly number[];
  /** Bytes of updates received a second, in GB (10^9). */
  readonly gbPerSecond: number;
  /** The median time that the strategy itself takes to add up a round. */
  readonly aggregateSeconds: number;
  /** Of all rounds that count, by role; `clients` for comparison. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Of server processes, and `total`: the peak of their sum. */
  readonly peakRssMiB: Readonly<Record<string, number>>;
  readonly clientProcesses: number;
  /** Largest distance of a parameter from the exact weighted mean. */
  readonly maxError: number;
}

/**
 * Rounds of weights without training through Flower's SuperLink and ServerApp: see README.md here.
 * Throws when Python is missing, when a process fails, and when the final model is not the expected mean.
 */
export async function measureFlower(options: FlowerOptions): Promise<PeerResult> {
  if (!existsSync('/proc/self/stat')) throw new Error('This bench reads /proc, so it runs on Linux only.');
  const { libraries, mib, rounds, polling = 'stock', log } = options;
  const source = path.join(packageRoot(), 'bench/peers');
  const requirements = path.join(source, 'requirements.txt');
  const bin = await pythonWith(requirements, { cache: path.join(packageRoot(), '.cloud-node/peers'), log });
  const clientProcesses = Math.min(libraries, availableParallelism());
  const usage = watchDescendants(roleOf);
  const stage = await FlowerStage.set(bin);
  try {
    await stage.startSuperLink();
    log(`Connecting ${libraries} clients …`);
    await stage.startClients({ source, libraries, processes: clientProcesses, eager: polling === 'eager' });
    log(`Running ${WARM_UP_ROUNDS} + ${rounds} rounds of ${mib} MiB …`);
    const config = { nodes: libraries, mib, rounds: WARM_UP_ROUNDS + rounds, eager: polling === 'eager' };
    const report = await stage.runApp(path.join(source, 'app'), { config, usage });
    if (report.maxError > MAX_ERROR) throw new Error(`Flower's mean is off by ${report.maxError}`);

    const marks = report.marks.slice(WARM_UP_ROUNDS);
    const perRound = marks.slice(1).map((mark, i) => round(mark - (marks[i] ?? NaN)));
    const secondsPerRound = median(perRound);
    const [fromMs = NaN, toMs = NaN] = [marks[0], marks.at(-1)].map((mark) => (mark ?? NaN) * 1000);
    return {
      case: 'flower',
      version: /^flwr==(\S+)/m.exec(await readFile(requirements, 'utf8'))?.[1] ?? '',
      polling,
      libraries,
      mib,
      rounds,
      secondsPerRound,
      perRound,
      gbPerSecond: round((libraries * mib * 2 ** 20) / 1e9 / secondsPerRound),
      aggregateSeconds: round(median(report.aggregateSeconds.slice(WARM_UP_ROUNDS))),
      cpuSeconds: mapValues(usage.cpuSeconds(fromMs, toMs), round),
      peakRssMiB: mapValues(
        usage.peakRssMiB((role) => role !== 'clients'),
        Math.round,
      ),
      clientProcesses,
      maxError: report.maxError,
    };
  } finally {
    usage.stop();
    await stage.close();
  }
}

/** The SuperLink starts a SuperExec, and that starts the ServerApp. */
function roleOf(commandLine: string): string | null {
  if (commandLine.includes('flwr-serverapp')) return 'serverapp';
  if (commandLine.includes('flower-superexec')) return 'superexec';
  if (commandLine.includes('flower-superlink')) return 'superlink';
  return commandLine.includes('clients.py') ? 'clients' : null;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

function mapValues(
  record: Readonly<Record<string, number>>,
  change: (value: number) => number,
): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
