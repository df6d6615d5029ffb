import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { blobName } from '../../src/blobs/blob-store.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, openRound, PARAMS, ramp, TENSORS, uploadModel } from '../helpers/open-round.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway();
});
afterAll(() => pool.close());

async function submit(job: object = {}) {
  const { repoId } = await pool.repo();
  const modelId = await uploadModel(pool, repoId);
  const body = { modelId, hyperparams: { batchSize: 4 }, ...job };
  const answer = await pool.json(`/v1/repos/${repoId}/sessions`, { method: 'POST', body });
  return { repoId, modelId, ...answer };
}

describe('submitting a job', () => {
  it('queues a session and wakes a coordinator', async () => {
    const { repoId, modelId, status, body } = await submit({ name: 'first' });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      repoId,
      state: 'queued',
      version: 0,
      round: null,
      received: 0,
      history: [],
      scores: [],
      keptVersions: [0],
      resultModelId: null,
      geometry: { paramCount: PARAMS, shardParams: 8, shardCount: 4 },
      job: { name: 'first', modelId, termination: { maxRounds: 10 } },
    });
    expect(body).not.toHaveProperty('seed');
    expect(body.sessionId).toMatch(/^s-[0-9a-f]{16}$/);
    expect(body.deadlineMs - body.createdMs).toBe(86_400_000);
    await eventually(async () => {
      const { queues } = (await pool.json('/v1/pool')).body;
      return queues.coordinate > 0;
    });
    await eventually(async () => (await pool.stores.pool.countDue()) > 0);
    const list = (await pool.json(`/v1/repos/${repoId}/sessions`)).body.sessions;
    expect(list).toEqual([
      {
        repoId,
        sessionId: body.sessionId,
        name: 'first',
        state: 'queued',
        reason: null,
        pausedUntilMs: null,
        createdMs: body.createdMs,
        endedMs: null,
        version: 0,
        maxRounds: 10,
        round: null,
        best: null,
        watched: 'loss',
      },
    ]);
    expect((await pool.json(`/v1/repos/${repoId}/sessions/${body.sessionId}`)).body).toEqual(body);
  });

  it('refuses jobs that are wrong, naming the field', async () => {
    const wrong = await submit({ hyperparams: { batchSize: 0 } });
    expect(wrong.status).toBe(422);
    expect(wrong.body.error).toMatchObject({ code: 'invalid_job' });
    expect(wrong.body.error.message).toContain('hyperparams.batchSize');
    expect((await submit({ modelId: 'm-none' })).body.error.code).toBe('model_not_found');
    const testSet = await submit({ evaluation: { testSetId: 'none' } });
    expect(testSet.body.error).toMatchObject({ code: 'invalid_job' });
    expect((await pool.json('/v1/repos/nowhere/sessions', { method: 'POST', body: {} })).status).toBe(404);
  });
});

describe('cancelling', () => {
  it('ends the session once, with the reason', async () => {
    const { repoId, sessionId } = await openRound(pool, { a: 5 });
    const path = `/v1/repos/${repoId}/sessions/${sessionId}`;
    const { body } = await pool.json(`${path}/cancel`, { method: 'POST', body: { reason: 'wrong data' } });
    expect(body).toMatchObject({ state: 'cancelled', reason: 'wrong data', round: null, deadlineMs: null });
    const again = await pool.json(`${path}/cancel`, { method: 'POST' });
    expect(again.status).toBe(409);
    expect(again.body.error.code).toBe('session_ended');
    const none = await pool.json(`/v1/repos/${repoId}/sessions/s-none/cancel`, { method: 'POST' });
    expect(none.body.error.code).toBe('session_not_found');
    const { record } = await pool.stores.sessions.get(repoId, sessionId);
    expect(record.leftovers).toEqual([{ round: 1, attempt: 1 }]);
  });
});

describe('pausing', () => {
  it('is for a time, can be repeated, and ends when the session is resumed', async () => {
    const { repoId, sessionId } = await openRound(pool, { a: 5 });
    const path = `/v1/repos/${repoId}/sessions/${sessionId}`;
    const post = (what: string) => pool.json(`${path}/${what}`, { method: 'POST', body: {} });
    const { body } = await post('pause');
    expect(body.pausedUntilMs).toBeGreaterThan(Date.now());
    // The open round goes on.
    expect(body.round).toMatchObject({ number: 1, state: 'collecting' });
    expect((await post('pause')).body.pausedUntilMs).toBe(body.pausedUntilMs);
    expect((await post('resume')).body.pausedUntilMs).toBeNull();
    expect((await post('resume')).status).toBe(200);
    await post('cancel');
    expect((await post('pause')).body.error.code).toBe('session_ended');
    const events = await pool.stores.events.read(repoId, sessionId, { afterId: null });
    const types = events.map(({ event }) => event.type);
    expect(types.slice(3)).toEqual(['session.paused', 'session.resumed', 'session.cancelled']);
  });
});

describe('versions', () => {
  it('are described and downloaded; version 0 is the model', async () => {
    const { repoId, sessionId, session, apiKey } = await openRound(pool, { a: 5 });
    const base = `/v1/repos/${repoId}/sessions/${sessionId}/versions`;
    const { body: manifest } = await pool.json(`${base}/0`);
    expect(manifest).toMatchObject({ sessionId, version: 0, format: 'tfjs-layers', tensors: TENSORS });
    const weights = await pool.call(`${base}/0/weights`);
    expect(new Float32Array(await weights.arrayBuffer())).toEqual(ramp());

    const next = ramp(PARAMS, 7);
    const shards: string[] = [];
    for (let shard = 0; shard < 4; shard++) {
      const piece = bytesOf(next).subarray(shard * 32, shard * 32 + 32);
      shards.push(await sha256Hex(piece));
      const name = blobName.parameters(shards[shard]!);
      await pool.blobs.put({ repoId, scope: sessionId, shard, name }, piece);
    }
    const version = { version: 1, sha256: await rootHash(shards), shards, createdMs: 1 };
    const { rev } = await pool.stores.sessions.get(repoId, sessionId);
    await pool.stores.sessions.write({ next: { ...session, version: 1 }, version, events: [] }, { rev });

    const one = (await pool.json(`${base}/1`)).body;
    expect(one.parameters).toEqual({
      scope: sessionId,
      version: 1,
      sha256: version.sha256,
      shards,
      shardParams: 8,
      paramCount: PARAMS,
    });
    const library = { token: apiKey, headers: { 'library-id': 'a' } };
    const path = `/v1/library/sessions/${sessionId}/versions/1/weights`;
    // Many at once cost one read.
    const all = await Promise.all(Array.from({ length: 5 }, () => pool.call(path, library)));
    for (const answer of all) {
      expect(answer.headers.get('etag')).toBe(`"${version.sha256}"`);
      expect(new Float32Array(await answer.arrayBuffer())).toEqual(next);
    }
    const etag = { ...library.headers, 'if-none-match': `"${version.sha256}"` };
    expect((await pool.call(path, { ...library, headers: etag })).status).toBe(304);
    const topology = await pool.json(`/v1/library/topologies/${one.topologySha256}`, library);
    expect(topology.body.class_name).toBe('Sequential');
    const view = (await pool.json(`/v1/repos/${repoId}/sessions/${sessionId}`)).body;
    expect(view.keptVersions).toEqual([0, 1]);

    const missing = await pool.json(`${base}/2`);
    expect(missing.status).toBe(404);
    expect(missing.body.error).toMatchObject({ code: 'version_not_found' });
    expect((await pool.json(`${base}/x`)).body.error.code).toBe('invalid_request');
    expect((await pool.json(`/v1/library/sessions/s-0/versions/0/weights`, library)).status).toBe(404);
  });
});

describe('a Library', () => {
  it('sees the version and the topology that it works on, and nothing else of its Repo', async () => {
    const { repoId, sessionId, apiKey, session, modelId } = await openRound(pool, { a: 5 });
    const topology = (await pool.json(`/v1/repos/${repoId}/models/${modelId}`)).body.topologySha256 as string;
    const code = async (path: string, libraryId: string): Promise<string> => {
      const answer = await pool.call(path, { token: apiKey, headers: { 'library-id': libraryId } });
      if (answer.ok) return 'ok';
      return ((await answer.json()) as { error: { code: string } }).error.code;
    };
    const weights = `/v1/library/sessions/${sessionId}/versions/0/weights`;
    const shape = `/v1/library/topologies/${topology}`;
    expect([await code(weights, 'a'), await code(shape, 'a')]).toEqual(['ok', 'ok']);
    expect([await code(weights, 'b'), await code(shape, 'b')]).toEqual(['not_assigned', 'not_assigned']);
    expect(await code(weights.replace('/0/', '/1/'), 'a')).toBe('not_assigned');
    expect(await code(`/v1/library/topologies/${'0'.repeat(64)}`, 'a')).toBe('not_assigned');

    // Whoever gave its assignment back has none.
    const at = { repoId, sessionId, round: session.round?.number ?? 0, attempt: session.round?.attempt ?? 0 };
    await pool.stores.rounds.settle(at, { libraryId: 'a', state: 'declined', reason: '' });
    expect([await code(weights, 'a'), await code(shape, 'a')]).toEqual(['not_assigned', 'not_assigned']);
  });
});

describe('the event stream', () => {
  const open = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await pool.call(`${path}/events`, { headers });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const done = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    })();
    const events = () => [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
    const ids = () => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id!);
    return { answer, events, ids, done, cancel: () => reader.cancel() };
  };

  it('replays, goes on live, resumes after an id, and ends with the session', async () => {
    const { repoId, sessionId } = await openRound(pool, { a: 5 });
    const path = `/v1/repos/${repoId}/sessions/${sessionId}`;
    const stream = await open(path);
    expect(stream.answer.headers.get('content-type')).toBe('text/event-stream');
    const replayed = ['session.queued', 'session.recruiting', 'round.opened'];
    await eventually(() => expect(stream.events()).toEqual(replayed));

    const later = await open(path, { 'last-event-id': stream.ids()[1]! });
    await eventually(() => expect(later.events()).toEqual(['round.opened']));
    const startedMs = performance.now();
    await pool.call(`${path}/cancel`, { method: 'POST' });
    await stream.done;
    await later.done;
    // By the hint, not by the poll.
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect(stream.events()).toEqual([...replayed, 'session.cancelled']);
    expect(later.events()).toEqual(['round.opened', 'session.cancelled']);

    const after = await open(path, { 'last-event-id': stream.ids()[3]! });
    await after.done;
    expect(after.events()).toEqual([]);
  });

  it('finds what no hint told it', async () => {
    const { repoId, sessionId } = await openRound(pool, { a: 5 });
    const stream = await open(`/v1/repos/${repoId}/sessions/${sessionId}`);
    await eventually(() => stream.events().length === 3);
    await pool.stores.sessions.addScore(repoId, sessionId, { version: 1, metrics: { loss: 1 } });
    await eventually(() => expect(stream.events()).toContain('version.scored'));
    await stream.cancel();
  });

  it('refuses what it can not follow', async () => {
    const { repoId } = await pool.repo();
    expect((await pool.json(`/v1/repos/${repoId}/sessions/s-0/events`)).status).toBe(404);
    const { sessionId, repoId: other } = await openRound(pool, { a: 5 });
    const bad = await pool.json(`/v1/repos/${other}/sessions/${sessionId}/events`, {
      headers: { 'last-event-id': 'x' },
    });
    expect(bad.body.error.code).toBe('invalid_request');
  });
});
