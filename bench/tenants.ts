import { setTimeout as sleep } from 'node:timers/promises';
import type { ExploraSession } from '../src/explora/index.js';
import { numberOptions, printCase, progress } from './lib/options.js';
import { startBenchPool } from './lib/pool.js';
import { median, quantile, roundTo } from './lib/statistics.js';
import { startSwarm } from './rounds/swarm-process.js';
import { addWorkload, secondsPerRound, workload } from './rounds/workload.js';

/** More than either session comes to. */
const MANY_ROUNDS = 100_000;
const LOOK_EVERY_MS = 250;

/**
 * What a Repo with a small job notices of a Repo with a large one on the same gateway and aggregator: seconds of a round
 * (median and 95th percentile) of the small one alone, and beside at least `largeRounds` whole rounds of the large one.
 * `ratio` is beside over alone; it counts the time that the clients of the large one, a process of their own, take
 * from the same cores. The floor is 1 where there are cores for both, and 2 where they have to share.
 */
export async function run(argv: string[]): Promise<void> {
  const defaults = { mib: 400, libraries: 3, largeRounds: 2, smallMib: 1, smallLibraries: 10, rounds: 20 };
  const options = numberOptions(argv, defaults);
  const { mib, libraries, rounds, largeRounds } = options;
  const swarms = { small: startSwarm(), large: startSwarm() };
  const pool = await startBenchPool();
  try {
    const small = await addWorkload(
      pool,
      workload({ libraries: options.smallLibraries, mib: options.smallMib }),
      'small',
    );
    const large = await addWorkload(pool, workload({ libraries, mib }), 'large');
    progress('models uploaded');

    const first = await small.submit(rounds + 1);
    small.join(swarms.small);
    const alone = secondsPerRound((await first.result()).history);
    progress(`alone: ${roundTo(median(alone))} s a round`);

    const largeSession = await large.submit(MANY_ROUNDS);
    large.join(swarms.large);
    // The first one has the connections and the first copies of everything in it.
    await reached(largeSession, 1);
    const second = await small.submit(MANY_ROUNDS);
    await Promise.all([reached(second, rounds + 1), reached(largeSession, 1 + largeRounds)]);
    const [smallView, largeView] = await Promise.all([second.cancel(), largeSession.cancel()]);
    const beside = secondsPerRound(smallView.history);
    const figures = (seconds: number[]): { secondsPerRound: number; p95Seconds: number; rounds: number } => ({
      secondsPerRound: roundTo(median(seconds)),
      p95Seconds: roundTo(quantile(seconds, 0.95)),
      rounds: seconds.length,
    });
    printCase({
      ...{ case: 'tenants', mib, libraries },
      ...{ smallMib: options.smallMib, smallLibraries: options.smallLibraries },
      alone: figures(alone),
      beside: figures(beside),
      ratio: roundTo(median(beside) / median(alone), 2),
      ratioP95: roundTo(quantile(beside, 0.95) / quantile(alone, 0.95), 2),
      large: figures(secondsPerRound(largeView.history)),
      peakRssMiB: Object.fromEntries(
        Object.entries(pool.usage().peakRssMiB).map(([role, mib]) => [role, roundTo(mib, 1)]),
      ),
    });
  } finally {
    await Promise.all([swarms.small.end(), swarms.large.end()]);
    await pool.close();
  }
}

/** @throws Error when the session ends before */
async function reached(session: ExploraSession, version: number): Promise<void> {
  for (;;) {
    const view = await session.get();
    if (view.version >= version) return;
    if (view.endedMs !== null) throw new Error(`The session ${view.state}: ${view.reason ?? ''}`);
    await sleep(LOOK_EVERY_MS);
  }
}
