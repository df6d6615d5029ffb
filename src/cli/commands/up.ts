import { Option, type Command } from 'commander';
import { wholeNumber } from '../arguments.js';
import { createOutput } from '../output.js';
import type { UpOptions } from '../up.js';

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('run a whole pool on this machine, with a Redis of its own unless REDIS_URL is set')
    .option('--gateways <n>', 'how many (default: 1)', wholeNumber('--gateways', 0, 64))
    .option('--aggregators <n>', 'how many (default: 1)', wholeNumber('--aggregators', 0, 64))
    .option('--coordinators <n>', 'how many (default: 1)', wholeNumber('--coordinators', 0, 64))
    .option('--evaluators <n>', 'how many (default: 1)', wholeNumber('--evaluators', 0, 64))
    .addOption(
      new Option(
        '--all-in-one [n]',
        'processes that are all four, instead of one each: takes the least memory',
      )
        .preset('1')
        .argParser(wholeNumber('--all-in-one', 1, 64)),
    )
    .option(
      '--port <port>',
      'of the first gateway; the next ones follow',
      wholeNumber('--port', 1, 65_535),
      8080,
    )
    .addHelpText(
      'after',
      '\nEverything is kept in the data folder: stopping and starting again goes on where it stopped.\n' +
        'Gateways listen on 127.0.0.1; HOST=0.0.0.0 lets other machines in (put TLS in front of it).',
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<UpOptions>();
      const { runUp } = await import('../up.js');
      await runUp(options, createOutput(options.json ?? false));
    });
}
