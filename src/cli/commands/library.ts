import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { collect, durationMs, wholeNumber } from '../arguments.js';
import { contextOf } from '../context.js';
import { usageError } from '../errors.js';
import { SCALES, type ImageSize } from '../data/options.js';
import type { RunOptions } from '../library/run.js';

const DEFAULT_STATE_DIR = '.cloud-node/library';

interface LibraryFlags extends Omit<RunOptions, 'urls' | 'json' | 'dataset' | 'graceMs' | 'channels'> {
  readonly dataset?: string;
  readonly grace: number;
  readonly channels?: string;
}

export function addLibraryCommand(program: Command): void {
  program
    .command('library')
    .description('take part in federated learning with data of this machine, until it is told to end')
    .requiredOption(
      '--data <path>',
      'a .csv, .tsv, .npz or .npy file, or a folder with one folder of images a class',
    )
    .option('--key-file <file>', 'API key of the Repo (default: the variable LIBRARY_API_KEY)')
    .option('--repo <repoId>', 'refuse a key that is for another Repo')
    .option('--pool-key <key>', 'of the pool, which must prove it; repeat it for several', collect)
    .option('--dataset <datasetId>', 'what jobs call this data (default: the name of the file)')
    .option('--library-id <id>', 'who this is (default: made up once and kept in the state folder)')
    .option('--state-dir <dir>', 'keeps who this is; one for each Library', DEFAULT_STATE_DIR)
    .option('--once', 'leave when one session is over')
    .option('--grace <time>', 'for a round under way when told to end', durationMs, 8_000)
    .option(
      '--metrics-port <port>',
      '/livez, /readyz and /metrics; 0: any',
      wholeNumber('--metrics-port', 0, 65_535),
    )
    .optionsGroup('Data:')
    .option('--label <column>', 'name, or number from 0, negative from the end (default: the last column)')
    .option('--drop <column>', 'leave a column out; repeat it for several', collect)
    .option('--categories <column>', 'a column whose numbers are names; repeat it for several', collect)
    .option('--skip-incomplete', 'leave out rows in which a value is missing')
    .option('--delimiter <character>', 'between columns; "tab" (default: comma, tab for .tsv)', delimiter)
    .addOption(new Option('--scale <how>', 'of numbers (default: none; for images: 255)').choices(SCALES))
    .option('--encoding <file>', 'how columns or classes become numbers: used if it exists, else written')
    .option('--arrays <inputs,labels>', 'names in an .npz (default: x,y)', arrays)
    .option('--image-size <size>', 'e.g. 28 or 32x24, width first (default: that of all images)', imageSize)
    .addOption(new Option('--channels <n>', '1: grey, 3: colour (default: 3)').choices(['1', '3']))
    .addHelpText('after', '\nAs a service, and what becomes of the data: docs/library-node.md.')
    .action(async (_options, command: Command) => {
      const { grace, channels, dataset, ...flags } = command.opts<LibraryFlags>();
      const { urls, out } = contextOf(command);
      const [{ runLibrary }, { datasetId }] = await Promise.all([
        import('../library/run.js'),
        import('../../protocol/ids.js'),
      ]);
      const name = datasetId.safeParse(dataset ?? path.parse(flags.data).name);
      if (!name.success)
        throw usageError('The data need a name of letters, digits, ".", "_" and "-": --dataset <id>.');
      await runLibrary({
        ...flags,
        urls,
        json: out.json,
        dataset: name.data,
        graceMs: grace,
        ...(channels === undefined ? {} : { channels: channels === '1' ? 1 : 3 }),
      });
    });
}

function delimiter(text: string): string {
  const character = text === 'tab' ? '\t' : text;
  if (/^[^"\r\n]$/.test(character)) return character;
  throw new InvalidArgumentError('Use one character, or "tab".');
}

function arrays(text: string): readonly [string, string] {
  const [inputs = '', labels = '', ...more] = text.split(',').map((name) => name.trim());
  if (inputs !== '' && labels !== '' && more.length === 0) return [inputs, labels];
  throw new InvalidArgumentError('Use two names with a comma, such as x_train,y_train.');
}

function imageSize(text: string): ImageSize {
  const [width = 0, height = width, ...more] = text.split('x').map(Number);
  const isSize = [width, height].every((side) => Number.isInteger(side) && side > 0 && side <= 4_096);
  if (isSize && more.length === 0) return { width, height };
  throw new InvalidArgumentError('Use pixels, such as 28 or 32x24, up to 4096.');
}
