import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeFrame } from '../../src/protocol/frame.js';
import { signToken, startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { uniqueId } from '../helpers/namespace.js';
import { advance, bytesOf, modelFrame, ramp, uploadModel } from '../helpers/open-round.js';
import { SERVERS } from '../helpers/servers.js';
import { testContext } from '../helpers/context.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway({ env: { REPO_MODELS: '2', REPO_EXAMPLES: '1000' } });
});
afterAll(() => pool.close());

async function repo(limits: object = {}): Promise<{ repoId: string; apiKey: string }> {
  const repoId = uniqueId('repo');
  const created = await pool.json('/v1/repos', { method: 'POST', body: { repoId, limits } });
  expect([created.status, created.body.limits]).toEqual([201, limits]);
  return pool.repo(repoId);
}

const quota = (limit: string) => ({
  status: 403,
  body: {
    error: { code: 'quota_exceeded', retryable: false, message: expect.stringContaining(limit) as unknown },
  },
});
const upload = (repoId: string, step: number) =>
  pool.json(`/v1/repos/${repoId}/models`, { method: 'POST', body: modelFrame(ramp(25, step)) });
const testSet = (repoId: string, id: string, count = 1) =>
  pool.json(`/v1/repos/${repoId}/test-sets/${id}`, {
    method: 'PUT',
    body: encodeFrame({ numExamples: count, inputShape: [1], labelShape: [] }, bytesOf(ramp(2 * count))),
  });
const submit = (repoId: string, modelId: string, job: object = {}) =>
  pool.json(`/v1/repos/${repoId}/sessions`, {
    method: 'POST',
    body: { modelId, hyperparams: { batchSize: 1 }, ...job },
  });
const join = (apiKey: string, libraryId: string, numExamples = 5) =>
  pool.json('/v1/library/join', {
    method: 'POST',
    token: apiKey,
    headers: { 'library-id': libraryId },
    body: { datasets: [{ datasetId: 'data', numExamples }] },
  });

describe('what a Repo may have', () => {
  it('are so many models, by the pool or by its own limit', async () => {
    const { repoId } = await repo();
    expect([(await upload(repoId, 1)).status, (await upload(repoId, 2)).status]).toEqual([201, 201]);
    expect(await upload(repoId, 3)).toMatchObject(
      quota('2 models (limits.models of the Repo, else REPO_MODELS)'),
    );
    const larger = await repo({ models: 3 });
    for (const step of [1, 2, 3]) expect((await upload(larger.repoId, step)).status).toBe(201);
    expect(await upload(larger.repoId, 4)).toMatchObject(quota('3 models'));
  });

  it('are so many test sets, and one may be replaced', async () => {
    const { repoId } = await repo({ testSets: 1 });
    expect((await testSet(repoId, 'a')).status).toBe(200);
    expect((await testSet(repoId, 'a', 2)).status).toBe(200);
    expect(await testSet(repoId, 'b')).toMatchObject(quota('REPO_TEST_SETS'));
  });

  it('are so many bytes of both', async () => {
    const { repoId } = await repo({ bytes: 120 });
    expect((await upload(repoId, 1)).status).toBe(201);
    expect((await testSet(repoId, 'a', 2)).status).toBe(200);
    expect(await testSet(repoId, 'b', 1)).toMatchObject(quota('120 bytes of models and test sets'));
    expect((await testSet(repoId, 'a', 1)).status).toBe(200);
    expect((await testSet(repoId, 'b', 1)).status).toBe(200);
  });

  it('are so many sessions that are open, and so many that are kept', async () => {
    const { repoId } = await repo({ openSessions: 2, sessions: 3 });
    const modelId = await uploadModel(pool, repoId);
    const first = await submit(repoId, modelId);
    expect([first.status, (await submit(repoId, modelId)).status]).toEqual([201, 201]);
    expect(await submit(repoId, modelId)).toMatchObject(quota('2 sessions that have not ended'));
    await pool.json(`/v1/repos/${repoId}/sessions/${first.body.sessionId}/cancel`, {
      method: 'POST',
      body: {},
    });
    expect((await submit(repoId, modelId)).status).toBe(201);
    const { body } = (await pool.json(`/v1/repos/${repoId}/sessions`)) as { body: Json };
    for (const { sessionId } of body.sessions as { sessionId: string }[])
      await pool.json(`/v1/repos/${repoId}/sessions/${sessionId}/cancel`, { method: 'POST', body: {} });
    expect(await submit(repoId, modelId)).toMatchObject(quota('3 sessions ('));
  });

  it('are so many API keys, of which those that have been good for nothing for a day make room', async () => {
    const { repoId } = await repo({ keys: 3 });
    const keys = `/v1/repos/${repoId}/keys`;
    const make = (body: object = {}) => pool.json(keys, { method: 'POST', body });
    const [revoked, kept] = [await make(), await make()];
    expect(kept.status).toBe(201);
    await pool.json(`${keys}/${revoked.body.keyId}`, { method: 'DELETE' });
    expect(await make()).toMatchObject(quota('3 API keys (limits.keys of the Repo, else REPO_KEYS)'));
    const record = await pool.stores.repos.findKey(repoId, revoked.body.keyId as string);
    const dayAgoMs = Date.now() - 86_500_000;
    if (record !== null) await pool.stores.repos.addKey(repoId, { ...record, revokedMs: dayAgoMs });
    expect((await make()).status).toBe(201);
    const { body } = (await pool.json(keys)) as { body: { keys: { keyId: string }[] } };
    expect(body.keys.map(({ keyId }) => keyId)).not.toContain(revoked.body.keyId);
    expect(await make()).toMatchObject(quota('3 API keys'));
  });

  it('are so many aliases, and one may be moved', async () => {
    const { repoId } = await repo({ aliases: 1 });
    const modelId = await uploadModel(pool, repoId);
    const set = (alias: string) =>
      pool.json(`/v1/repos/${repoId}/aliases/${alias}`, { method: 'PUT', body: { modelId } });
    expect([(await set('a')).status, (await set('a')).status]).toEqual([200, 200]);
    expect(await set('b')).toMatchObject(quota('1 aliases'));
  });

  it('are so many Libraries, of whom those that are there may come again', async () => {
    const { apiKey } = await repo({ libraries: 2 });
    expect([(await join(apiKey, 'a')).status, (await join(apiKey, 'b')).status]).toEqual([200, 200]);
    expect(await join(apiKey, 'c')).toMatchObject(quota('2 Libraries'));
    expect((await join(apiKey, 'a', 6)).status).toBe(200);
  });

  it('is fixed by the admin alone', async () => {
    const repoId = uniqueId('repo');
    const body = { repoId, limits: { models: 1_000 } };
    const token = await signToken('owner', [repoId]);
    expect((await pool.json('/v1/repos', { method: 'POST', token, body })).status).toBe(403);
    expect(
      (await pool.json('/v1/repos', { method: 'POST', body: { repoId, limits: { models: 0 } } })).status,
    ).toBe(400);
  });
});

describe('examples', () => {
  it('may be announced up to the limit', async () => {
    const { apiKey } = await repo();
    expect((await join(apiKey, 'a', 1_000)).status).toBe(200);
    expect(await join(apiKey, 'a', 1_001)).toMatchObject(quota('1000 examples in a data set of one Library'));
    const { apiKey: large } = await repo({ examples: 2_000 });
    expect((await join(large, 'a', 2_000)).status).toBe(200);
  });

  it('beyond what a job allows give no seat in its rounds, nor a say in their scale', async () => {
    const { repoId, apiKey } = await repo();
    for (const [id, count] of [
      ['a', 10],
      ['b', 20],
      ['greedy', 900],
    ] as const)
      await join(apiKey, id, count);
    const modelId = await uploadModel(pool, repoId);
    const selection = { type: 'all', goal: 2, maxExamples: 20 };
    const { body } = await submit(repoId, modelId, { selection, continuation: { minUpdates: 1 } });
    const session = await advance(pool.stores, { repoId, sessionId: body.sessionId as string });
    expect(session.round).toMatchObject({ selected: 2, maxExamples: 20 });
    const at = { repoId, sessionId: session.sessionId, round: 1, attempt: 1 };
    expect([...(await pool.stores.rounds.assignments(at)).keys()].sort()).toEqual(['a', 'b']);
    // And nobody sends more than was announced.
    const header = { sessionId: session.sessionId, round: 1, attempt: 1, updateId: 'u', numExamples: 11 };
    const answer = await pool.json('/v1/library/update', {
      method: 'PUT',
      token: apiKey,
      headers: { 'library-id': 'a' },
      body: encodeFrame(header, bytesOf(ramp())),
    });
    expect([answer.status, answer.body.error.code]).toEqual([422, 'update_examples_exceeded']);
  });
});

describe.each(SERVERS)('Libraries in $server', ({ cluster }) => {
  it('that were not seen for a day make room', async () => {
    const { stores } = await testContext({ cluster });
    const { redis, keys } = stores.context;
    const one = (id: string) =>
      stores.libraries.join('repo', id, {
        datasets: [{ datasetId: 'd', numExamples: 1 }],
        connection: 'c',
        maxLibraries: 2,
      });
    expect([await one('a'), await one('b'), await one('c')]).toEqual([true, true, null]);
    await redis.zadd(keys.presence('repo'), 'XX', Date.now() - 90_000_000, 'a');
    expect(await one('c')).toBe(true);
    expect((await redis.hkeys(keys.libraries('repo'))).sort()).toEqual(['b', 'c']);
    expect(await redis.zrange(keys.presence('repo'), '0', '-1')).toEqual(expect.not.arrayContaining(['a']));
  });
});
