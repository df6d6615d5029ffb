import type { SessionView } from '../../protocol/http.js';
import { count, integer } from '../format.js';
import { selfCommand } from '../self.js';
import { hyperparams } from './defaults.js';
import { TEST_SET_ID, type Federation } from './prepare.js';
import type { Stage } from './stage.js';
import { watchSession } from './watch-session.js';

export interface Training {
  readonly federation: Federation;
  readonly stage: Stage;
  readonly iid: boolean;
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly onRound: (published: number) => void;
}

/** Submits the job as Explora and shows the session until its end. */
export async function trainDemo(training: Training): Promise<SessionView> {
  const { federation, stage, rounds, signal, iid } = training;
  const { explora, libraries, pool, api, modelId, deaths, dataDir, testImages } = federation;
  const session = await explora.submit({
    name: 'mnist-2nn',
    modelId,
    datasetId: TEST_SET_ID,
    hyperparams,
    selection: { type: 'all', goal: libraries.length, overSelection: 1 },
    continuation: { type: 'percentageAveraged', value: 1 },
    termination: { maxRounds: rounds },
    evaluation: { every: 1, on: 'both', testSetId: TEST_SET_ID },
  });
  stage.stream.write(`  ${stage.style.green('✓')} Explora submits the job: ${count(rounds, 'round')}\n`);
  if (!stage.live) stage.stream.write('\n');
  const begin = await session.get();
  await watchSession({
    session: begin,
    events: session.follow({ signal }),
    signal,
    title: `MNIST · ${count(libraries.length, 'Library')}, ${iid ? 'images dealt at random' : 'images sorted by digit'}`,
    testSet: `all ${integer(testImages)} test images`,
    // A pid changes when its process is started again.
    footer: () => [
      `Try it: kill -9 ${victims(pool.children)}. No update is lost.`,
      `Look around: ${selfCommand()} status --data-dir ${dataDir}`,
    ],
    asides: () => deaths,
    pool: () => api.pool(),
    stream: stage.stream,
    style: stage.style,
    live: stage.live,
    onProgress: ({ rounds: published }) => training.onRound(published.length),
  });
  return session.get();
}

function victims(children: Federation['pool']['children']): string {
  return ['gateway-1', 'aggregator-1']
    .flatMap((name) => children.filter((child) => child.name === name))
    .map(({ pid, name }) => `${pid} (${name})`)
    .join(' or ');
}
