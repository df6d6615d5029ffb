import { parseArgs } from 'node:util';
import { Library } from '../../library/index.js';
import { useBestNodeBackend } from '../../library/tf-backend-node.js';
import { MNIST_CLASSES, MNIST_PIXELS, readMnist, readMnistDigits } from './mnist.js';
import { partitionByLabel, partitionIid } from './partition.js';

/**
 * One participant of the demo, a process of its own: part `--part` (from 0) of `--parts` of MNIST.
 *
 *     LIBRARY_API_KEY=… node library-process.js --url http://127.0.0.1:8080 --library-id library-1 --part 0 --parts 10
 *
 * Says what happens as lines of JSON on stdout: `{"ready":true,…}` once it has joined, then `state`, `round`, `progress`
 * and `error`. SIGTERM and SIGINT make it leave; the exit code is 1 when the pool refused it.
 */
const { values } = parseArgs({
  options: {
    /** Repeat it to name several gateways. */
    url: { type: 'string', multiple: true },
    'library-id': { type: 'string' },
    'pool-key': { type: 'string', multiple: true },
    part: { type: 'string' },
    parts: { type: 'string' },
    /** Each part looks like the whole; without it, two slices of the data sorted by digit. */
    iid: { type: 'boolean', default: false },
    dataset: { type: 'string', default: 'mnist' },
    /** Of the partition: the same for all parts. */
    seed: { type: 'string', default: '1' },
  },
});

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`${name} is missing.`);
  return value;
}

function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  const part = Number(required('--part', values.part));
  const parts = Number(required('--parts', values.parts));
  const libraryId = required('--library-id', values['library-id']);
  const seed = Number(values.seed);
  const digits = readMnistDigits('train');
  const split = values.iid ? partitionIid(digits.length, parts, seed) : partitionByLabel(digits, parts, seed);
  const rows = split[part];
  if (rows === undefined) throw new RangeError(`There is no part ${part} of ${parts}; they count from 0.`);
  const { numExamples, inputs, labels } = readMnist('train', rows);

  const library = new Library({
    url: values.url ?? [],
    apiKey: required('LIBRARY_API_KEY', process.env['LIBRARY_API_KEY']),
    libraryId,
    ...(values['pool-key'] === undefined ? {} : { poolKey: values['pool-key'] }),
    tf: useBestNodeBackend,
  });
  library.addData(values.dataset, {
    inputs,
    inputShape: [MNIST_PIXELS],
    labels,
    labelShape: [MNIST_CLASSES],
  });
  library.on('state', (state) => say({ type: 'state', state }));
  library.on('round', (round) => say({ type: 'round', ...round }));
  library.on('progress', (progress) => say({ type: 'progress', ...progress }));
  library.on('error', ({ name, message }) => say({ type: 'error', name, message }));

  let leaving: Promise<void> | null = null;
  const leave = (): void => {
    leaving ??= library.leave().then(() => process.exit(0));
  };
  process.once('SIGTERM', leave);
  process.once('SIGINT', leave);

  await library.join().catch((error: unknown) => {
    if (leaving === null) throw error;
  });
  if (leaving !== null) return;
  say({ ready: true, libraryId, part, parts, numExamples, digits: digitsOf(rows, digits) });
}

/** How many of each digit, 0 … 9. */
function digitsOf(rows: Uint32Array, digits: Uint8Array): number[] {
  const counts = new Array<number>(MNIST_CLASSES).fill(0);
  for (const row of rows) counts[digits[row] ?? 0] = (counts[digits[row] ?? 0] ?? 0) + 1;
  return counts;
}

main().catch((error: unknown) => {
  say({ type: 'error', message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
});
