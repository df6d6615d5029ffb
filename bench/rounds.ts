import { parseArgs } from 'node:util';
import { measureRounds } from './rounds/measure.js';

/**
 * Rounds in which nothing is trained: Libraries in another process download each version and send an update. Prints one
 * JSON line a case; `ratioToSink` compares with a bare HTTP server that discards the same uploads from, and serves the
 * same downloads to, the same client process.
 */
export async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      libraries: { type: 'string', default: '100' },
      mib: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '5' },
      gateways: { type: 'string', default: '1' },
      aggregators: { type: 'string', default: '1' },
      profile: { type: 'string' },
      env: { type: 'string', multiple: true, default: [] },
    },
  });
  const [libraries = 0, mib = 0, rounds = 0, gateways = 0, aggregators = 0] = [
    values.libraries,
    values.mib,
    values.rounds,
    values.gateways,
    values.aggregators,
  ].map(Number);
  const env = Object.fromEntries(values.env.map(nameAndValue));
  const line = await measureRounds({
    libraries,
    mib,
    rounds,
    gateways,
    aggregators,
    env,
    profileDir: values.profile,
  });
  process.stdout.write(`${JSON.stringify({ case: 'rounds', ...line })}\n`);
}

/** `NAME=value`, where the value may have an equals sign too. */
function nameAndValue(pair: string): [string, string] {
  const cut = pair.indexOf('=');
  return [pair.slice(0, cut), pair.slice(cut + 1)];
}
