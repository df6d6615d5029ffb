import type { Command } from 'commander';
import { wholeNumber } from '../arguments.js';
import type { DemoOptions } from '../demo/stage.js';
import { createOutput } from '../output.js';

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('a whole federation on this machine: trains MNIST with Libraries that keep their data')
    .option('--rounds <n>', 'how many at most', wholeNumber('--rounds', 1, 1_000))
    .option('--libraries <n>', 'how many, each a process of its own', wholeNumber('--libraries', 2, 200), 10)
    .option('--iid', 'deal the images at random instead of by digit')
    .option('--keep', 'stay up afterwards, to try the other commands')
    .option('--port <port>', 'of the first gateway (default: free ones)', wholeNumber('--port', 1, 65_535))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DemoOptions>();
      const { runDemo } = await import('../demo/run.js');
      await runDemo(options, createOutput(options.json ?? false));
    });
}
