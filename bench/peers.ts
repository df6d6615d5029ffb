import { parseArgs } from 'node:util';
import { measureFlower } from './peers/flower.js';

const USAGE = 'npm run bench -- peers [--libraries N] [--mib N] [--rounds N] [--polling eager|stock]';

/**
 * Rounds of weights without training through other systems: see bench/peers/README.md. Prints one JSON line for each
 * way of polling, the stock one last. What is going on goes to stderr.
 */
export async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      libraries: { type: 'string', default: '100' },
      mib: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '5' },
      polling: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${USAGE}\n`);
  const [libraries = 100, mib = 1, rounds = 5] = [values.libraries, values.mib, values.rounds].map(Number);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  for (const polling of ['eager', 'stock'] as const) {
    if (values.polling !== undefined && values.polling !== polling) continue;
    try {
      const result = await measureFlower({ libraries, mib, rounds, polling, log });
      process.stdout.write(`${JSON.stringify(result)}\n`);
    } catch (error) {
      log(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
      return;
    }
  }
}
