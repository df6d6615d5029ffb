/**
 * A process with several Libraries in it. Says on stdout what was acknowledged, one JSON line each:
 *
 *     node library-host.js '{"urls":[…],"apiKey":"…","libraries":{"<id>":<numExamples>},"trainMs":200}'
 */
import { Library } from '../../src/library/index.js';
import { DeterministicTrainer, seedOf } from '../lib/trainer.js';

interface HostOptions {
  readonly urls: readonly string[];
  readonly apiKey: string;
  readonly libraries: Readonly<Record<string, number>>;
  readonly trainMs: number;
  /** All begin at the first URL; by default each at a random one. */
  readonly startAtFirst?: boolean;
  /** Says each change of state, with the time. */
  readonly sayStates?: boolean;
}

/** The first choice of a Library is where it begins. */
function firstZero(): () => number {
  let calls = 0;
  return () => (calls++ === 0 ? 0 : Math.random());
}

const options = JSON.parse(process.argv[2] ?? '{}') as HostOptions;
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const libraries = Object.entries(options.libraries).map(([libraryId, numExamples]) => {
  const trainer = new DeterministicTrainer({
    seed: seedOf(libraryId),
    numExamples,
    trainMs: options.trainMs,
  });
  const random = options.startAtFirst === true ? firstZero() : Math.random;
  const backoff = { baseMs: 100, maxMs: 2_000, random };
  const library = new Library({ url: options.urls, apiKey: options.apiKey, libraryId, trainer, backoff });
  const inputs = new Float32Array(numExamples);
  library.addData('data', { inputs, inputShape: [1], labels: inputs, labelShape: [1] });
  library.on('round', ({ round, attempt, outcome, duplicate }) =>
    say({ libraryId, round, attempt, outcome, duplicate }),
  );
  if (options.sayStates === true) library.on('state', (state) => say({ libraryId, state, atMs: Date.now() }));
  library.on('error', (error) => say({ libraryId, error: error.message }));
  library.join().catch((error: unknown) => say({ libraryId, error: (error as Error).message }));
  return library;
});
say({ ready: true, libraries: libraries.length });

process.once('SIGTERM', () => {
  void Promise.all(libraries.map((library) => library.leave())).finally(() => process.exit(0));
});
