import { expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { expectedSha256 } from '../../bench/lib/expected.js';
import type { SessionEvent } from '../../src/core/decision.js';
import type { RoundReport } from '../../src/library/index.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';

const LIBRARIES = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`lib-${i}`, 10 + i]));

test('restarting every process twice, one after the other, is not noticed by a session', async () => {
  const roles = { gateway: 2, coordinator: 2, aggregator: 2 };
  const pool = await startPool({ roles, env: { SHARD_PARAMS: '500' } });
  const { apiKey, explora } = await pool.repo();
  const model = denseModel(40, 50);
  const { modelId } = await explora.uploadModel(model);
  const reports: RoundReport[] = [];
  const problems: string[] = [];
  for (const [libraryId, numExamples] of Object.entries(LIBRARIES)) {
    const library = pool.library({ apiKey, libraryId, numExamples, trainMs: 100 });
    library.on('round', (report) => void reports.push(report));
    library.on('error', (error) => void problems.push(error.message));
    await library.join();
  }
  const rounds = 40;
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: 10 },
    continuation: { value: 1 },
    evaluation: { on: 'none' },
    termination: { maxRounds: rounds },
  });
  const events: SessionEvent[] = [];
  const following = (async () => {
    for await (const { event } of session.follow()) events.push(event);
  })();
  await eventually(() => events.some((event) => event.type === 'round.published'), { withinMs: 20_000 });

  for (const pass of [1, 2]) {
    for (const node of [
      ...pool.nodes.filter((one) => one.child.exitCode === null && one.child.signalCode === null),
    ]) {
      expect([pass, node.role, await node.stop()]).toEqual([pass, node.role, 'SIGTERM']);
      await pool.replace(node);
    }
  }
  await following;
  const view = await session.get();
  expect(view).toMatchObject({ state: 'completed', version: rounds });
  expect(events.filter((event) => event.type === 'round.abandoned')).toEqual([]);
  expect(view.history.map((round) => round.attempt)).toEqual(view.history.map(() => 1));
  expect(problems).toEqual([]);
  expect(reports.filter((report) => report.outcome === 'failed' || report.outcome === 'declined')).toEqual(
    [],
  );
  const expected = await expectedSha256({
    weights: model.weights,
    libraries: LIBRARIES,
    rounds,
    shardParams: 500,
  });
  expect(view.history.at(-1)?.sha256).toBe(expected);
}, 90_000);
