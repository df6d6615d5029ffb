import { expect, test } from '@jest/globals';
import { Worker } from 'bullmq';
import { denseModel } from '../../bench/lib/dense-model.js';
import type { EvaluationView } from '../../src/protocol/evaluation.js';
import { QUEUES } from '../../src/protocol/queue.js';
import { Keys } from '../../src/redis/keys.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { spawnNode } from '../helpers/processes.js';
import { connectTo } from '../helpers/servers.js';

test('what a person asked for is scored by another evaluator when one dies over it', async () => {
  const pool = await startPool({ roles: { coordinator: 0, aggregator: 0 } });
  const { repoId, explora } = await pool.repo();
  const { modelId } = await explora.uploadModel(denseModel(2, 2));
  await explora.uploadTestSet('default', {
    numExamples: 2,
    inputs: Float32Array.of(1, 2, 3, 4),
    inputShape: [2],
    labels: Float32Array.of(1, 0, 0, 1),
    labelShape: [2],
  });
  const redis = await connectTo(pool.server);
  const prefix = new Keys(pool.prefix).queuePrefix(QUEUES.evaluate);
  let isTaken = false;
  // Takes the job, and is gone before it has done anything, without a word.
  const doomed = new Worker(
    QUEUES.evaluate,
    () => {
      isTaken = true;
      return new Promise(() => undefined);
    },
    { connection: redis, prefix, lockDuration: 1_000, skipStalledCheck: true },
  );
  const at = `/v1/repos/${repoId}/evaluations`;
  const asked = await pool.fetch(at, {
    method: 'POST',
    body: JSON.stringify({ model: { modelId }, testSetId: 'default', loss: 'meanSquaredError' }),
  });
  const { evaluationId } = (await asked.json()) as EvaluationView;
  await eventually(() => isTaken, { withinMs: 10_000 });
  await doomed.close(true);
  await pool.add('evaluator');
  // Explora asks for the same, and waits for it.
  const scoring = { loss: 'meanSquaredError', timeoutMs: 20_000 };
  const result = await explora.evaluate({ modelId }, scoring);
  expect(result).toEqual({ loss: expect.any(Number), accuracy: expect.any(Number) });
  const [done, ...others] = await explora.evaluations();
  expect(done).toMatchObject({ evaluationId, state: 'done', result });
  expect(others).toEqual([]);
  await redis.quit();

  const mse = { loss: 'meanAbsoluteError', metrics: ['mse'] };
  expect((await explora.evaluate({ modelId }, mse))['mse']).toBeCloseTo(result['loss'] ?? NaN);
  await expect(explora.evaluate({ modelId }, { testSetId: 'none' })).rejects.toMatchObject({
    code: 'test_set_not_found',
  });
  await expect(explora.evaluate({ modelId }, { loss: 'guesswork' })).rejects.toThrow('guesswork');

  // The same question from the command line has the same answer; what can not be scored ends with 1.
  const url = pool.gateways[0]?.url ?? '';
  const command = async (...options: string[]): Promise<{ code: number | string; output: string }> => {
    const args = [
      'evaluate',
      repoId,
      modelId,
      '--url',
      url,
      '--token',
      await pool.token('admin'),
      ...options,
    ];
    const ran = spawnNode(['bin/cloud-node.mjs', ...args]);
    return { code: await ran.ended, output: ran.lines.join('\n') };
  };
  const [same, wrong] = await Promise.all([
    command('--loss', 'meanSquaredError', '--json'),
    command('--loss', 'guesswork'),
  ]);
  expect([same.code, JSON.parse(same.output)]).toEqual([0, done]);
  expect(wrong).toEqual({ code: 1, output: expect.stringContaining('guesswork') });
}, 60_000);
