import { benchOptions, printCase, progress } from './lib/options.js';
import { roundTo } from './lib/statistics.js';
import { measureFlower, type PeerResult } from './peers/flower.js';
import { measureRounds } from './rounds/measure.js';

const USAGE = 'npm run bench -- peers [--libraries N] [--mib N] [--rounds N] [--polling eager|stock]';

/**
 * Rounds of weights without training through other systems (see bench/peers/README.md) and then through the pool.
 * Prints one JSON line for each way of polling, the stock one last, and two for the pool as a process of each role and as
 * one process: what it needed, and how it compares. What is going on goes to stderr.
 */
export async function run(argv: string[]): Promise<void> {
  if (argv.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const { numbers, texts } = benchOptions(argv, { libraries: 100, mib: 1, rounds: 5 }, ['polling']);
  const [wanted] = texts.polling.slice(-1);
  const peers: PeerResult[] = [];
  for (const polling of ['eager', 'stock'] as const) {
    if (wanted !== undefined && wanted !== polling) continue;
    try {
      const peer = await measureFlower({ ...numbers, polling, log: progress });
      printCase({ ...peer });
      peers.push(peer);
    } catch (error) {
      progress(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
      return;
    }
  }
  for (const allInOne of [0, 1]) {
    const processes = allInOne > 0 ? 'all-in-one' : 'one of each role';
    progress(`The same rounds through the pool, ${processes} …`);
    const pool = await measureRounds({ ...numbers, allInOne, env: {} });
    printCase({ case: 'rounds', processes, ...pool });
    printCase({
      case: 'peers',
      ...{ libraries: numbers.libraries, mib: numbers.mib, processes },
      ...compare(pool, peers),
    });
  }
}

/** How many times as fast the pool is, and what share of the memory its servers take: at most, as the sum of their peaks. */
function compare(
  pool: Awaited<ReturnType<typeof measureRounds>>,
  peers: readonly PeerResult[],
): Record<'timesAsFast' | 'shareOfMemory', Record<string, number>> {
  const peakMiB = Object.values(pool.peakRssMiB).reduce((sum, mib) => sum + mib, 0);
  const each = (figure: (peer: PeerResult) => number): Record<string, number> =>
    Object.fromEntries(peers.map((peer) => [`flower ${peer.polling}`, roundTo(figure(peer), 2)]));
  return {
    timesAsFast: each((peer) => peer.secondsPerRound / pool.secondsPerRound),
    shareOfMemory: each((peer) => peakMiB / (peer.peakRssMiB['total'] ?? NaN)),
  };
}
