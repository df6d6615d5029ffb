import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { openRound, TOPOLOGY } from '../helpers/open-round.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway();
});
afterAll(() => pool.close());

const as = (apiKey: string, libraryId: string) => {
  const headers = { 'library-id': libraryId };
  return {
    get: (path: string) => pool.json(`/v1/library/${path}`, { token: apiKey, headers }),
    post: (path: string, body: object = {}) =>
      pool.json(`/v1/library/${path}`, { method: 'POST', token: apiKey, headers, body }),
  };
};

describe('a Library over HTTP', () => {
  it('joins, stays by heartbeats, and is a candidate', async () => {
    const { repoId, apiKey } = await pool.repo();
    const library = as(apiKey, 'l-1');
    const datasets = [
      { datasetId: 'mnist', numExamples: 100 },
      { datasetId: 'other', numExamples: 20 },
    ];
    const { status, body } = await library.post('join', { datasets });
    expect([status, body]).toEqual([
      200,
      { libraryId: 'l-1', assignment: null, pollMs: 10_000, heartbeatMs: 2_000 },
    ]);
    expect((await library.post('heartbeat')).body.assignment).toBeNull();
    // What a job without a data set counts on is the first.
    expect(await pool.stores.libraries.candidates(repoId, null)).toEqual([
      { libraryId: 'l-1', numExamples: 100 },
    ]);
    expect(await pool.stores.libraries.candidates(repoId, 'other')).toEqual([
      { libraryId: 'l-1', numExamples: 20 },
    ]);
    expect((await library.post('join', { datasets: [] })).body.error.message).toContain('"datasets"');
  });

  it('gets all that an assignment needs, accepts and reports', async () => {
    const round = await openRound(
      pool,
      { a: 5, b: 5 },
      { name: 'job', privacy: { clipNorm: 2 }, datasetId: 'data' },
    );
    const library = as(round.apiKey, 'a');
    const { assignment } = (await library.get('assignment')).body;
    expect(assignment).toMatchObject({
      sessionId: round.sessionId,
      round: 1,
      attempt: 1,
      repoId: round.repoId,
      state: 'offered',
      jobName: 'job',
      datasetId: 'data',
      hyperparams: { batchSize: 2, epochs: 1 },
      clipNorm: 2,
      maxMagnitude: 1024,
      encoding: 'f32',
      evaluate: true,
      version: 0,
      parameters: { version: 0, paramCount: 25 },
    });
    expect(assignment.remainingMs).toBeGreaterThan(100_000);
    expect(assignment.remainingMs).toBeLessThanOrEqual(120_000);
    const topology = await library.get(`topologies/${assignment.topologySha256}`);
    expect(topology.body).toEqual(TOPOLOGY);

    const key = { sessionId: round.sessionId, round: 1, attempt: 1 };
    expect((await library.post('assignment/accept', key)).body.assignment.state).toBe('accepted');
    expect((await library.post('assignment/accept', key)).status).toBe(200);
    const progress = { ...key, epoch: 1, epochs: 2, metrics: { loss: 1 } };
    expect((await library.post('assignment/progress', progress)).body).toEqual({});
    expect((await library.post('assignment/progress', key)).body.error.code).toBe('invalid_request');
    expect((await as(round.apiKey, 'stranger').get('assignment')).body.assignment).toBeNull();
  });

  it('scores only when the job asks Libraries to', async () => {
    const round = await openRound(pool, { a: 5 }, { evaluation: { on: 'pool' } });
    expect((await as(round.apiKey, 'a').get('assignment')).body.assignment.evaluate).toBe(false);
  });

  it('declines or fails, and a coordinator is woken to ask somebody else', async () => {
    const round = await openRound(pool, { a: 5, b: 5 });
    const key = { sessionId: round.sessionId, round: 1, attempt: 1 };
    const declined = await as(round.apiKey, 'a').post('assignment/decline', { ...key, reason: 'busy' });
    expect(declined.body.assignment).toBeNull();
    const failed = await as(round.apiKey, 'b').post('assignment/fail', { ...key, reason: 'NaN' });
    expect(failed.body.assignment).toBeNull();
    const at = { repoId: round.repoId, ...key };
    expect(await pool.stores.rounds.assignment(at, 'b')).toMatchObject({ state: 'failed', reason: 'NaN' });
    await eventually(async () => (await pool.json('/v1/pool')).body.queues.coordinate > 0);

    const again = await as(round.apiKey, 'a').post('assignment/accept', key);
    expect(again.body.error.code).toBe('assignment_over');
    const wrong = await as(round.apiKey, 'a').post('assignment/accept', { ...key, round: 2 });
    expect(wrong.body.error.code).toBe('round_closed');
    const stranger = await as(round.apiKey, 'c').post('assignment/accept', key);
    expect(stranger.body.error.code).toBe('not_assigned');
  });
});
