import { availableParallelism } from 'node:os';
import { numberOptions, printCase, progress } from './lib/options.js';
import { roundTo } from './lib/statistics.js';
import { measureRounds } from './rounds/measure.js';

/**
 * The workload of `rounds` with more aggregators, then with more gateways: seconds of a round, and how many times
 * faster than with one of each (`ratio`). Clients, gateways, aggregators and Redis all share this machine, so nothing
 * can become faster once its `cores` are busy: with two of them, a ratio of 1 only says that more processes do no harm.
 * `ratioToSink` is there to see the machine's own mood, since the sink is measured before each case.
 */
export async function run(argv: string[]): Promise<void> {
  const { most, ...work } = numberOptions(argv, { libraries: 40, mib: 4, rounds: 4, most: 4 });
  const counts = [1, 2, 4, 8, 16].filter((count) => count <= most);
  const cases = [
    ...counts.map((aggregators) => ({ gateways: 1, aggregators })),
    ...counts.filter((count) => count > 1).map((gateways) => ({ gateways, aggregators: 1 })),
  ];
  let one = NaN;
  for (const processes of cases) {
    progress(`${processes.gateways} gateways, ${processes.aggregators} aggregators`);
    const result = await measureRounds({ ...work, ...processes, env: {} });
    if (Number.isNaN(one)) one = result.secondsPerRound;
    const { libraries, mib, rounds, secondsPerRound, ratioToSink, cpuSeconds } = result;
    const ratio = roundTo(one / secondsPerRound);
    printCase({
      ...{ case: 'scaling', ...processes, libraries, mib, rounds, cores: availableParallelism() },
      ...{ secondsPerRound, ratio, ratioToSink, cpuSeconds },
    });
  }
}
