import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import type { AuditEntry } from '../../src/protocol/audit.js';
import { verify } from '../audit/trail.js';
import { eventually } from '../helpers/eventually.js';
import { signToken, startGateway, type CallOptions, type TestGateway } from '../helpers/gateway.js';
import { advance, bytesOf, modelFrame, openRound, ramp, uploadModel } from '../helpers/open-round.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { allKeys } from '../helpers/servers.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway();
});
afterAll(() => pool.close());

const trailOf = async (repoId: string | null, options: CallOptions = {}): Promise<AuditEntry[]> => {
  const path = repoId === null ? '/v1/audit' : `/v1/repos/${repoId}/audit`;
  const text = await (await pool.call(path, options)).text();
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as AuditEntry]));
};
const of = (entries: readonly AuditEntry[], action: string): AuditEntry[] =>
  entries.filter((entry) => entry.action === action);

/** The trail as soon as there are so many entries of an action: what is frequent is written in the background. */
const trailWith = (repoId: string | null, action: string, count: number): Promise<AuditEntry[]> =>
  eventually(async () => {
    const read = await trailOf(repoId);
    expect(of(read, action).length).toBeGreaterThanOrEqual(count);
    return read;
  });

describe('the audit trail of a Repo', () => {
  it('says who did what, when, from where, and what came of it', async () => {
    const before = Date.now() - 1_000;
    const { repoId, sessionId, modelId } = await openRound(pool, { a: 5 });
    const owner = await signToken('owner', [repoId]);
    const as = (path: string, options: CallOptions = {}) =>
      pool.json(`/v1/repos/${repoId}/${path}`, { token: owner, ...options });
    const { body: key } = await as('keys', { method: 'POST', body: { label: 'the ward of Dr. Who' } });
    await as(`keys/${key.keyId}`, { method: 'DELETE' });
    await as(`keys/${key.keyId}`, { method: 'DELETE' });
    await as(`sessions/${sessionId}/pause`, { method: 'POST' });
    await as(`sessions/${sessionId}/resume`, { method: 'POST' });
    await as(`sessions/${sessionId}/cancel`, { method: 'POST', body: { reason: 'Dr. Who said so' } });
    await as(`sessions/${sessionId}/cancel`, { method: 'POST' });
    await pool.call(`/v1/repos/${repoId}/models/${modelId}/weights`, { token: owner });
    await pool.call(`/v1/repos/${repoId}/sessions/${sessionId}/versions/0/weights`, { token: owner });
    await pool.call(`/v1/repos/${repoId}/sessions/${sessionId}/versions/0/weights`, { token: owner });

    await trailWith(repoId, 'version.downloaded', 1);
    const entries = await trailWith(repoId, 'session.cancelled', 2);
    const from = { address: '127.0.0.1', count: 1, trail: repoId };
    const byOwner = { ...from, actor: { kind: 'token', id: 'test', role: 'owner' }, result: 'ok' };
    const byAdmin = { ...from, actor: { kind: 'token', id: 'test', role: 'admin' }, result: 'ok' };
    const keyId = key.keyId as string;
    expect(entries.slice(0, 4)).toMatchObject([
      { ...byAdmin, action: 'repo.created', target: { repoId } },
      { ...byAdmin, action: 'key.created' },
      { ...byAdmin, action: 'model.uploaded', target: { modelId } },
      { ...byAdmin, action: 'job.submitted', target: { modelId, sessionId } },
    ]);
    for (const [action, target] of [
      ['key.created', { keyId }],
      ['key.revoked', { keyId }],
      ['session.paused', { sessionId }],
      ['session.resumed', { sessionId }],
      ['session.cancelled', { sessionId }],
      ['version.downloaded', { sessionId, version: 0 }],
    ] as const)
      expect(of(entries, action)).toContainEqual(expect.objectContaining({ ...byOwner, action, target }));
    expect(of(entries, 'model.downloaded')).toHaveLength(1);
    expect(of(entries, 'key.revoked')).toHaveLength(1);
    expect(of(entries, 'session.cancelled')).toContainEqual(
      expect.objectContaining({ ...byOwner, result: 'session_ended' }),
    );
    for (const { atMs } of entries) expect(atMs).toBeGreaterThan(before);
    const text = JSON.stringify(entries);
    for (const secret of [key.apiKey as string, 'Dr. Who', owner]) expect(text).not.toContain(secret);
  });

  it('is read by its owner and by administrators only, and in pages', async () => {
    const { repoId } = await pool.repo();
    for (const role of ['explora', 'dashboard'] as const)
      expect(
        (await pool.call(`/v1/repos/${repoId}/audit`, { token: await signToken(role, [repoId]) })).status,
      ).toBe(403);
    const other = await signToken('owner', ['other']);
    expect((await pool.call(`/v1/repos/${repoId}/audit`, { token: other })).status).toBe(403);
    expect((await pool.call('/v1/audit', { token: await signToken('owner', [repoId]) })).status).toBe(403);

    const answer = await pool.call(`/v1/repos/${repoId}/audit`);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const [seq, last = ''] = (answer.headers.get('audit-head') ?? '').split(':');
    const lines = (await answer.text()).trimEnd().split('\n');
    expect(lines).toHaveLength(Number(seq));
    expect(await verify(lines, { last })).toMatchObject({ ok: true });
    const page = await (await pool.call(`/v1/repos/${repoId}/audit?after=1&limit=2`)).text();
    expect(page).toBe(`${lines.slice(1, 3).join('\n')}\n`);
    expect(await (await pool.call(`/v1/repos/${repoId}/audit?after=1000`)).text()).toBe('');
    expect((await pool.json(`/v1/repos/${repoId}/audit?after=-1`)).status).toBe(400);
    expect((await pool.json(`/v1/repos/${repoId}/audit?before=1`)).status).toBe(400);
  });

  it('is streamed when it is long', async () => {
    const { repoId } = await pool.repo();
    const entry = {
      actor: { kind: 'pool', id: '', role: null },
      address: null,
      result: 'ok',
      count: 1,
    } as const;
    await Promise.all(
      Array.from({ length: 1_234 }, (_, n) =>
        pool.stores.audit.append(repoId, { ...entry, action: 'key.created', target: { n } }),
      ),
    );
    const answer = await pool.call(`/v1/repos/${repoId}/audit`);
    const last = answer.headers.get('audit-head')?.split(':')[1] ?? '';
    const lines = (await answer.text()).trimEnd().split('\n');
    expect(await verify(lines, { last })).toMatchObject({ ok: true, entries: 1_237 });
  });

  it('has what came over a socket', async () => {
    const { repoId, apiKey, keyId } = await pool.repo();
    const modelId = await uploadModel(pool, repoId);
    const options = { transports: ['websocket'], forceNew: true, reconnection: false };
    const auth = { token: await signToken('explora', [repoId]), protocolVersion: 1 };
    const explora = io(`${pool.url}/explora`, { ...options, auth });
    const library = io(`${pool.url}/library`, {
      ...options,
      auth: { apiKey, libraryId: 'lib', protocolVersion: 1 },
    });
    try {
      const job = { modelId, hyperparams: { batchSize: 2 } };
      const { session } = await explora.emitWithAck('job:submit', { repoId, job });
      const { sessionId } = session as { sessionId: string };
      await explora.emitWithAck('session:pause', { repoId, sessionId });
      await explora.emitWithAck('session:get', { repoId: 'other', sessionId });
      await library.emitWithAck('library:join', { datasets: [{ datasetId: 'data', numExamples: 3 }] });
      const entries = await trailWith(repoId, 'library.joined', 1);
      const by = { actor: { kind: 'token', id: 'test', role: 'explora' }, address: '127.0.0.1' };
      expect(of(entries, 'job.submitted')).toMatchObject([{ ...by, target: { sessionId, modelId } }]);
      expect(of(entries, 'session.paused')).toMatchObject([{ ...by, target: { sessionId } }]);
      expect(of(entries, 'library.joined')).toMatchObject([
        { actor: { kind: 'key', id: keyId }, target: { libraryId: 'lib' } },
      ]);
      const refused = of(await trailWith(null, 'request.refused', 1), 'request.refused').filter(
        (entry) => entry.target['where'] === 'session:get',
      );
      expect(refused).toMatchObject([{ ...by, result: 'forbidden' }]);
    } finally {
      explora.disconnect();
      library.disconnect();
    }
  });

  it('says which Libraries gave an update to which session, once a day', async () => {
    const { repoId, sessionId, apiKey } = await openRound(pool, { a: 5, b: 5 });
    const update = (libraryId: string) =>
      pool.json('/v1/library/update', {
        method: 'PUT',
        token: apiKey,
        headers: { 'library-id': libraryId },
        body: encodeFrame(
          { sessionId, round: 1, attempt: 1, updateId: libraryId, numExamples: 5 },
          bytesOf(ramp()),
        ),
      });
    expect((await update('a')).status).toBe(200);
    expect((await update('a')).body.duplicate).toBe(true);
    expect((await update('b')).status).toBe(200);
    const found = of(await trailWith(repoId, 'update.received', 2), 'update.received');
    expect(found.map(({ target }) => target)).toEqual([
      { libraryId: 'a', sessionId },
      { libraryId: 'b', sessionId },
    ]);
  });
});

describe('what is refused', () => {
  it('is written where its owner looks, once, and counted until the gateway ends', async () => {
    const second = await startGateway({ like: pool });
    const { repoId, keyId } = await pool.repo();
    const wrong = { token: `cnk_${repoId}.${keyId}.${'x'.repeat(43)}`, headers: { 'library-id': 'l' } };
    const get = (path: string, token: string, headers = {}) =>
      fetch(`${second.url}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
    for (let i = 0; i < 5; i++)
      expect((await get('/v1/library/assignment', wrong.token, wrong.headers)).status).toBe(401);
    const intruder = await signToken('explora', ['elsewhere']);
    expect((await get(`/v1/repos/${repoId}/keys`, intruder)).status).toBe(403);
    expect((await get(`/v1/repos/${repoId}/keys`, 'no token')).status).toBe(401);
    await second.close();
    const refused = of(await trailOf(repoId), 'request.refused');
    const nobody = { kind: 'nobody', id: '', role: null };
    const keys = 'GET /v1/repos/:repoId/keys';
    const seen = refused.map(({ actor, target, result, count }) => [actor, target['where'], result, count]);
    const assignment = 'GET /v1/library/assignment';
    expect(seen).toHaveLength(4);
    expect(seen).toEqual(
      expect.arrayContaining([
        [nobody, assignment, 'unauthenticated', 1],
        [nobody, assignment, 'unauthenticated', 4],
        [{ kind: 'token', id: 'test', role: 'explora' }, keys, 'forbidden', 1],
        [nobody, keys, 'unauthenticated', 1],
      ]),
    );
    expect(JSON.stringify(refused)).not.toContain('xxxx');
  });

  it('of Repos that do not exist makes no trail, and no flood fills one', async () => {
    const second = await startGateway({ like: pool });
    const before = (await pool.stores.audit.head('~pool')).seq;
    const tries = Array.from({ length: 300 }, (_, i) => `cnk_none-${i}.k-1.${'x'.repeat(43)}`);
    for (const token of tries) {
      const headers = { authorization: `Bearer ${token}`, 'library-id': 'l' };
      expect((await fetch(`${second.url}/v1/library/assignment`, { headers })).status).toBe(401);
    }
    await second.close();
    const entries = (await trailOf(null)).filter(({ seq }) => seq > before);
    const refused = of(entries, 'request.refused');
    expect(refused.length).toBeLessThan(40);
    expect(refused.reduce((sum, { count }) => sum + count, 0)).toBe(300);
    expect((await allKeys(pool.redis, pool.prefix)).filter((key) => key.includes('none-'))).toEqual([]);
  });
});

describe('deleting a Repo', () => {
  it('says what was deleted, to whoever asked and in the trail of the pool, and leaves no key', async () => {
    const { repoId, sessionId, apiKey } = await openRound(pool, { a: 5 });
    await uploadModel(pool, repoId, modelFrame(ramp(25, 0.25)));
    await pool.json(`/v1/repos/${repoId}/test-sets/default`, {
      method: 'PUT',
      body: encodeFrame({ numExamples: 1, inputShape: [4], labelShape: [] }, bytesOf(ramp(5))),
    });
    await advance(pool.stores, { repoId, sessionId });
    const options = { transports: ['websocket'], forceNew: true, reconnection: false };
    const library = io(`${pool.url}/library`, {
      ...options,
      auth: { apiKey, libraryId: 'b', protocolVersion: 1 },
    });
    await library.emitWithAck('library:join', { datasets: [{ datasetId: 'data', numExamples: 3 }] });
    await trailWith(repoId, 'library.joined', 1);

    const gone = new Promise((resolve) => library.once('disconnect', resolve));
    const head = await pool.stores.audit.head(repoId);
    const { body } = await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' });
    await gone;
    const removed = {
      keys: 1,
      libraries: 2,
      sessions: 1,
      versions: 0,
      models: 2,
      testSets: 1,
      auditEntries: head.seq,
    };
    expect(body).toEqual({ deleted: true, removed, auditHead: head });
    expect(of(await trailOf(null), 'repo.deleted').at(-1)).toMatchObject({
      actor: { kind: 'token', id: 'test', role: 'admin' },
      target: { repoId, ...removed, lastSeq: head.seq, lastSha256: head.sha256 },
      result: 'ok',
    });
    // But for the hint to a coordinator, which there is none of here to take it.
    const keys = (await allKeys(pool.redis, pool.prefix)).filter((key) => key.includes(repoId));
    expect(keys.filter((key) => !key.startsWith(`{${pool.prefix}:coordinate}`))).toEqual([]);
    for (const registry of ['due', 'rentals'] as const) {
      const key = pool.stores.context.keys[registry]();
      const members =
        registry === 'due' ? await pool.redis.zrange(key, '0', '-1') : await pool.redis.hkeys(key);
      expect(members.filter((member) => member.startsWith(`${repoId}/`))).toEqual([]);
    }
  });
});
