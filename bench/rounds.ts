import { UPDATE_ENCODINGS, type UpdateEncoding } from '../src/core/encoding.js';
import { benchOptions, printCase } from './lib/options.js';
import { measureRounds } from './rounds/measure.js';

/**
 * Rounds in which nothing is trained: Libraries in another process download each version and send an update. Prints one
 * JSON line a case; `ratioToSink` compares with a bare HTTP server that discards the same uploads from, and serves the
 * same downloads to, the same client process.
 */
export async function run(argv: string[]): Promise<void> {
  // A process of each role, or processes that are all of them.
  const each = argv.includes('--all-in-one') ? 0 : 1;
  const defaults = { libraries: 100, mib: 1, rounds: 5, gateways: each, aggregators: each, 'all-in-one': 0 };
  const { numbers, texts } = benchOptions(argv, defaults, ['profile', 'env', 'encoding']);
  const env = Object.fromEntries(texts.env.map(nameAndValue));
  printCase({
    case: 'rounds',
    ...(await measureRounds({
      ...numbers,
      allInOne: numbers['all-in-one'],
      env,
      encoding: texts.encoding.map(encodingOf).at(-1),
      profileDir: texts.profile.at(-1),
    })),
  });
}

function encodingOf(text: string): UpdateEncoding {
  const found = UPDATE_ENCODINGS.find((encoding) => encoding === text);
  if (found === undefined) throw new TypeError(`--encoding: one of ${UPDATE_ENCODINGS.join(', ')}`);
  return found;
}

/** `NAME=value`, where the value may have an equals sign too. */
function nameAndValue(pair: string): [string, string] {
  const cut = pair.indexOf('=');
  return [pair.slice(0, cut), pair.slice(cut + 1)];
}
