import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import type { EvaluationView } from '../../src/protocol/evaluation.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { WorkQueues } from '../../src/redis/queues.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { evaluateModel } from '../../workers/evaluator/evaluate-model.js';
import { signToken, startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, openRound } from '../helpers/open-round.js';

const [INPUTS, UNITS] = [3, 2];
let pool: TestGateway;
let queues: WorkQueues;
beforeAll(async () => {
  pool = await startGateway({ env: { REPO_OPEN_EVALUATIONS: '2' } });
  queues = new WorkQueues(pool.stores.context);
});
afterAll(async () => {
  await queues.close();
  await pool.close();
});

interface World {
  readonly repoId: string;
  readonly modelId: string;
  readonly at: string;
  ask(body: object): ReturnType<TestGateway['json']>;
  read(evaluationId: string): Promise<EvaluationView>;
  /** What an evaluator does with the job. */
  evaluate(evaluationId: string): Promise<void>;
  testSet(testSetId: string, numExamples?: number, inputs?: number): Promise<void>;
}

/** Labels are what the model says, but for the last example. */
function labelled(numExamples: number, inputs: number): Float32Array {
  const { weights } = denseModel(INPUTS, UNITS);
  const x = Float32Array.from({ length: numExamples * inputs }, (_, i) => Math.fround(Math.cos(i)));
  const y = new Float32Array(numExamples * UNITS);
  for (let n = 0; n < numExamples; n += 1) {
    const sums = Array.from({ length: UNITS }, (_, u) =>
      Array.from(
        { length: INPUTS },
        (_, i) => (x[n * inputs + i] ?? 0) * (weights[i * UNITS + u] ?? 0),
      ).reduce((sum, value) => sum + value, weights[INPUTS * UNITS + u] ?? 0),
    );
    const said = (sums[0] ?? 0) > (sums[1] ?? 0) ? 0 : 1;
    y[n * UNITS + (n === numExamples - 1 ? 1 - said : said)] = 1;
  }
  return Float32Array.from([...x, ...y]);
}

async function world(): Promise<World> {
  const { repoId } = await pool.repo();
  const { name, topology, tensors, weights } = denseModel(INPUTS, UNITS);
  const frame = encodeFrame({ name, format: 'tfjs-layers', topology, tensors }, bytesOf(weights));
  const { body } = await pool.json(`/v1/repos/${repoId}/models`, { method: 'POST', body: frame });
  const at = `/v1/repos/${repoId}/evaluations`;
  const { stores, blobs, config } = pool;
  const log = createLogger({ level: 'silent', role: 'evaluator', nodeId: 'test' });
  const made: World = {
    repoId,
    modelId: body.modelId as string,
    at,
    ask: (request) => pool.json(at, { method: 'POST', body: request }),
    read: async (id) => (await pool.json(`${at}/${id}`)).body as EvaluationView,
    evaluate: (evaluationId) =>
      evaluateModel({ stores, blobs, config, log, queues }, { v: 2, repoId, evaluationId }),
    testSet: async (testSetId, numExamples = 4, inputs = INPUTS) => {
      const header = { numExamples, inputShape: [inputs], labelShape: [UNITS] };
      const answer = await pool.json(`/v1/repos/${repoId}/test-sets/${testSetId}`, {
        method: 'PUT',
        body: encodeFrame(header, bytesOf(labelled(numExamples, inputs))),
      });
      expect(answer.status).toBe(200);
    },
  };
  await made.testSet('default');
  return made;
}

describe('an evaluation that somebody asks for', () => {
  test('waits, is done once, and says loss and metrics', async () => {
    const { repoId, modelId, at, ask, read, evaluate } = await world();
    const asked = await ask({ model: { modelId }, testSetId: 'default', loss: 'meanSquaredError' });
    expect(asked).toMatchObject({
      status: 202,
      body: { state: 'waiting', modelId, version: null, alias: null, result: null, askedBy: 'test' },
    });
    const { evaluationId } = asked.body as EvaluationView;
    expect(await read(evaluationId)).toMatchObject({ state: 'waiting' });
    await evaluate(evaluationId);
    const done = await read(evaluationId);
    expect(done).toMatchObject({ state: 'done', reason: null });
    // One label of four is not what the model says.
    expect(done.result).toEqual({ loss: expect.any(Number), accuracy: 0.75 });
    // Again, late or by a twin: the first result holds.
    await evaluate(evaluationId);
    expect(await read(evaluationId)).toEqual(done);
    expect((await pool.json(at)).body).toEqual({ evaluations: [done] });

    // Asking again, also by a name, is the same question.
    await pool.json(`/v1/repos/${repoId}/aliases/production`, { method: 'PUT', body: { modelId } });
    const again = await ask({
      model: { alias: 'production' },
      testSetId: 'default',
      loss: 'meanSquaredError',
    });
    expect(again).toMatchObject({ status: 202, body: done });
    const other = await ask({ model: { alias: 'production' }, testSetId: 'default' });
    expect(other.body).toMatchObject({
      alias: 'production',
      state: 'waiting',
      loss: 'categoricalCrossentropy',
    });
  });

  test('of a version of a session takes loss and metrics of its job', async () => {
    const { repoId, sessionId } = await openRound(pool, { lib: 5 });
    const body = encodeFrame(
      { numExamples: 1, inputShape: [4], labelShape: [] },
      bytesOf(new Float32Array(5)),
    );
    await pool.json(`/v1/repos/${repoId}/test-sets/small`, { method: 'PUT', body });
    const { job } = (await pool.json(`/v1/repos/${repoId}/sessions/${sessionId}`)).body;
    const ask = (version: number) =>
      pool.json(`/v1/repos/${repoId}/evaluations`, {
        method: 'POST',
        body: { model: { sessionId, version }, testSetId: 'small' },
      });
    const { loss, metrics } = job.hyperparams as EvaluationView;
    expect((await ask(0)).body).toMatchObject({ version: { sessionId, version: 0 }, loss, metrics });
    expect((await ask(7)).body.error).toMatchObject({ code: 'version_not_found' });
  });

  test('says why it can not be scored, and is tried again when asked again', async () => {
    const { modelId, ask, read, evaluate, testSet } = await world();
    await testSet('wide', 4, 5);
    const { body } = await ask({ model: { modelId }, testSetId: 'wide' });
    await evaluate(body.evaluationId as string);
    expect(await read(body.evaluationId as string)).toMatchObject({
      state: 'failed',
      result: null,
      reason: expect.stringMatching(/^TensorFlow\.js: .*shape/),
    });
    expect((await ask({ model: { modelId }, testSetId: 'wide' })).body).toMatchObject({ state: 'waiting' });

    const loss = await ask({ model: { modelId }, testSetId: 'default', loss: 'guesswork' });
    await evaluate(loss.body.evaluationId as string);
    expect(await read(loss.body.evaluationId as string)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('guesswork'),
    });
  });

  test('is of the test set that was there when it was asked for', async () => {
    const { modelId, ask, read, evaluate, testSet } = await world();
    const { body } = await ask({ model: { modelId }, testSetId: 'default' });
    await testSet('default', 5);
    await evaluate(body.evaluationId as string);
    expect(await read(body.evaluationId as string)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('replaced'),
    });
    const anew = await ask({ model: { modelId }, testSetId: 'default' });
    expect(anew.body.evaluationId).not.toBe(body.evaluationId);
  });

  test('that nobody does in time has failed, once and for all', async () => {
    const { repoId, modelId, ask, read, evaluate } = await world();
    const { body } = await ask({ model: { modelId }, testSetId: 'default' });
    const { evaluations } = pool.stores;
    const { record } = await evaluations.get(repoId, body.evaluationId as string);
    await evaluations.put(repoId, { ...record, deadlineMs: record.createdMs - 1 });
    const late = await read(record.evaluationId);
    expect(late).toMatchObject({ state: 'failed', reason: expect.stringContaining('in time') });
    await evaluate(record.evaluationId);
    expect(await read(record.evaluationId)).toEqual(late);
  });

  test('finds a place among few of a Repo, and the old ones go', async () => {
    const { repoId, modelId, at, ask, testSet } = await world();
    await testSet('b', 5);
    await testSet('c', 6);
    const model = { modelId };
    for (const testSetId of ['default', 'b', 'b']) expect((await ask({ model, testSetId })).status).toBe(202);
    expect(await ask({ model, testSetId: 'c' })).toMatchObject({
      status: 403,
      body: { error: { code: 'quota_exceeded', message: expect.stringContaining('REPO_OPEN_EVALUATIONS') } },
    });
    const { evaluations } = pool.stores;
    const [one] = await evaluations.list(repoId);
    for (let i = 0; i < 220; i += 1) {
      const evaluationId = `e-${i}`;
      await evaluations.put(repoId, { ...one!.record, evaluationId, createdMs: i });
      await evaluations.finish(repoId, evaluationId, { state: 'failed', reason: 'test', endedMs: i });
    }
    await evaluations.finish(repoId, one!.record.evaluationId, { state: 'failed', reason: 'x', endedMs: 1 });
    await ask({ model, testSetId: 'c' });
    const { body } = await pool.json(at);
    expect(body.evaluations).toHaveLength(200);
    expect(body.evaluations[0].testSetId).toBe('c');
  });

  test('names what is not there', async () => {
    const { repoId, modelId, at, ask } = await world();
    const codeOf = async (answer: Promise<{ body: Json }>): Promise<string> => (await answer).body.error.code;
    expect(await codeOf(ask({ model: { modelId }, testSetId: 'none' }))).toBe('test_set_not_found');
    expect(await codeOf(ask({ model: { modelId: 'm-none' }, testSetId: 'default' }))).toBe('model_not_found');
    expect(await codeOf(ask({ model: { alias: 'none' }, testSetId: 'default' }))).toBe('model_not_found');
    expect(await codeOf(ask({ model: {}, testSetId: 'default' }))).toBe('invalid_request');
    expect(await codeOf(pool.json(`${at}/e-none`))).toBe('evaluation_not_found');
    const token = await signToken('owner', [repoId]);
    const trail = await pool.call(`/v1/repos/${repoId}/audit`, { token });
    // What was refused is written down as well.
    expect(await trail.text()).toContain('"model.evaluated"');
  });
});
