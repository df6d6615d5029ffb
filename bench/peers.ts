import { benchOptions, printCase, progress } from './lib/options.js';
import { measureFlower } from './peers/flower.js';

const USAGE = 'npm run bench -- peers [--libraries N] [--mib N] [--rounds N] [--polling eager|stock]';

/**
 * Rounds of weights without training through other systems: see bench/peers/README.md. Prints one JSON line for each
 * way of polling, the stock one last. What is going on goes to stderr.
 */
export async function run(argv: string[]): Promise<void> {
  if (argv.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const { numbers, texts } = benchOptions(argv, { libraries: 100, mib: 1, rounds: 5 }, ['polling']);
  const [wanted] = texts.polling.slice(-1);
  for (const polling of ['eager', 'stock'] as const) {
    if (wanted !== undefined && wanted !== polling) continue;
    try {
      printCase({ ...(await measureFlower({ ...numbers, polling, log: progress })) });
    } catch (error) {
      progress(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
      return;
    }
  }
}
