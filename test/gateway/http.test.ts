import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { uniqueId } from '../helpers/namespace.js';
import { openRound, uploadModel } from '../helpers/open-round.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { allKeys } from '../helpers/servers.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway({ env: { MAX_JSON_BYTES: '2048' } });
});
afterAll(() => pool.close());

describe('every answer', () => {
  it('says the protocol version and the id of the request', async () => {
    const answer = await pool.call('/livez', { token: '', headers: { 'x-request-id': 'abc' } });
    expect(await answer.text()).toBe('ok\n');
    expect(answer.headers.get('protocol-version')).toBe('1');
    expect(answer.headers.get('x-request-id')).toBe('abc');
    expect((await pool.call('/livez')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is ready while Redis answers, and has metrics by route template', async () => {
    expect((await pool.call('/readyz', { token: '' })).status).toBe(200);
    await pool.call('/v1/repos/no-such-repo');
    const text = await (await pool.call('/metrics', { token: '' })).text();
    expect(text).toContain('route="/v1/repos/:repoId"');
    expect(text).not.toContain('no-such-repo');
  });

  it('names a route that is not there', async () => {
    const { status, body } = await pool.json('/v1/nothing');
    expect(status).toBe(404);
    expect(body.error).toMatchObject({ code: 'route_not_found', retryable: false });
    expect(body.error.message).toContain('GET /v1/nothing');
  });
});

describe('JSON bodies', () => {
  const post = (body: unknown) => pool.json('/v1/repos', { method: 'POST', body });
  const raw = (text: string) => post(new TextEncoder().encode(text));

  it('refuses what is broken, unknown or too large, naming it', async () => {
    expect((await raw('{')).body.error).toMatchObject({ code: 'invalid_request' });
    expect((await post({ repoId: 'a', colour: 1 })).body.error.message).toContain('"colour"');
    expect((await post({ repoId: 'a/b' })).body.error.message).toContain('"repoId"');
    const large = await post({ repoId: 'a', name: 'x'.repeat(3_000) });
    expect(large.status).toBe(413);
    expect(large.body.error.message).toContain('2048');
    const stream = new Blob([JSON.stringify({ name: 'x'.repeat(3_000) })]).stream();
    expect((await post(stream)).body.error.code).toBe('payload_too_large');
  });

  it('refuses a path that is no text', async () => {
    expect((await pool.json('/v1/repos/%ff')).body.error.code).toBe('invalid_request');
  });
});

describe('Repos', () => {
  it('are made once, listed by what the token sees, and read', async () => {
    const repoId = uniqueId('repo');
    const made = await pool.json('/v1/repos', {
      method: 'POST',
      body: { repoId, name: 'Clinics', concurrency: 2 },
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ v: 1, repoId, name: 'Clinics', concurrency: 2 });
    const again = await pool.json('/v1/repos', { method: 'POST', body: { repoId } });
    expect(again.body.error.code).toBe('repo_exists');

    const mine = await signToken('owner', [repoId]);
    const others = await signToken('owner', ['else']);
    expect((await pool.json('/v1/repos', { token: mine })).body.repos).toHaveLength(1);
    expect((await pool.json('/v1/repos', { token: others })).body.repos).toEqual([]);
    expect((await pool.json(`/v1/repos/${repoId}`, { token: mine })).body).toMatchObject({
      repoId,
      status: 'idle',
      librariesOnline: 0,
      runningSessions: [],
      queuedSessions: 0,
      rentedSlots: 0,
    });
    expect((await pool.json('/v1/repos/nowhere')).body.error.code).toBe('repo_not_found');
  });

  it('say whether they are busy, in the old form too', async () => {
    const { repoId } = await openRound(pool, { a: 5 });
    expect((await pool.json(`/status/${repoId}`, { token: '' })).body).toEqual({ Busy: true });
    const { body } = await pool.json(`/v1/repos/${repoId}`);
    expect(body).toMatchObject({ status: 'busy', librariesOnline: 1 });
    expect(body.runningSessions).toMatchObject([{ state: 'running', round: 1, version: 0 }]);
    const idle = await pool.repo();
    expect((await pool.json(`/status/${idle.repoId}`, { token: '' })).body).toEqual({ Busy: false });
    expect((await pool.json('/status/nowhere', { token: '' })).status).toBe(404);
  });

  it('go with all that they hold', async () => {
    const { repoId, sessionId, apiKey } = await openRound(pool, { a: 5 });
    await pool.call(`/v1/repos/${repoId}/test-sets/default`, {
      method: 'PUT',
      body: encodeFrame(
        { numExamples: 1, inputShape: [4], labelShape: [] },
        new Uint8Array(new Float32Array(5).buffer),
      ),
    });
    const at = { repoId, sessionId, round: 1, attempt: 1 };
    const receipt = { libraryId: 'a', updateId: 'u', blob: 'u.up', numExamples: 1, metrics: {} };
    await pool.blobs.put({ repoId, scope: sessionId, shard: 2, name: 'u.up' }, new Uint8Array(4));
    await pool.stores.rounds.commit(at, { ...receipt, evaluation: null });
    expect((await allKeys(pool.redis, pool.prefix)).some((key) => key.includes(`{${repoId}`))).toBe(true);

    expect((await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' })).body).toMatchObject({
      deleted: true,
    });
    const left = (await allKeys(pool.redis, pool.prefix)).filter((key) => key.includes(`{${repoId}`));
    expect(left).toEqual([]);
    expect((await pool.json(`/v1/repos/${repoId}`)).body.error.code).toBe('repo_not_found');
    expect((await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' })).body.error.code).toBe(
      'repo_not_found',
    );
    const library = { token: apiKey, headers: { 'library-id': 'a' } };
    expect((await pool.json('/v1/library/assignment', library)).body.error.code).toBe('unauthenticated');
    // The id is free again.
    expect((await pool.json('/v1/repos', { method: 'POST', body: { repoId } })).status).toBe(201);
  });

  it('go on with a deletion that broke off, and are not made anew meanwhile', async () => {
    const { repoId } = await pool.repo();
    await uploadModel(pool, repoId);
    await pool.redis.unlink(pool.stores.context.keys.repoRecord(repoId));
    const refused = await pool.json('/v1/repos', { method: 'POST', body: { repoId } });
    expect(refused.body.error.message).toContain('being deleted');
    expect((await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' })).status).toBe(200);
    const left = (await allKeys(pool.redis, pool.prefix)).filter((key) => key.includes(`{${repoId}`));
    expect(left).toEqual([]);
  });
});

describe('API keys', () => {
  it('are shown once, listed without secrets, and revoked', async () => {
    const { repoId, apiKey, keyId } = await pool.repo();
    expect(apiKey).toMatch(new RegExp(`^cnk_${repoId}\\.${keyId}\\.[A-Za-z0-9_-]{43}$`));
    const listed = (await pool.json(`/v1/repos/${repoId}/keys`)).body.keys;
    const record = { keyId, label: 'test', createdMs: expect.any(Number), revokedMs: null };
    expect(listed).toEqual([{ ...record, expiresMs: null, lastUsedMs: null }]);
    const library = { token: apiKey, headers: { 'library-id': 'l-1' } };
    expect((await pool.call('/v1/library/assignment', library)).status).toBe(200);

    const revoke = () => pool.json(`/v1/repos/${repoId}/keys/${keyId}`, { method: 'DELETE' });
    expect((await revoke()).body).toEqual({ revoked: true });
    expect((await revoke()).body).toEqual({ revoked: true });
    const refused = await pool.json('/v1/library/assignment', library);
    expect(refused.status).toBe(401);
    expect(refused.body.error.message).toContain('revoked');
    const unknown = await pool.json(`/v1/repos/${repoId}/keys/k-none`, { method: 'DELETE' });
    expect(unknown.body.error.code).toBe('key_not_found');
  });
});

describe('the pool', () => {
  it('shows its processes and rentals, these only to those who may see the Repo', async () => {
    const { repoId, sessionId } = await openRound(pool, { a: 5 });
    await pool.stores.pool.setRental({ repoId, sessionId, wanted: 2, granted: 1, quota: null });
    const { body } = await pool.json('/v1/pool');
    expect(body.rentals).toContainEqual({ repoId, sessionId, wanted: 2, granted: 1, quota: null });
    expect(body.slots.rented).toBeGreaterThanOrEqual(1);
    expect(body.redis.usedMemoryBytes).toBeGreaterThan(0);
    expect(Object.keys(body.queues)).toEqual(['coordinate', 'aggregate', 'evaluate']);
    const other = await pool.json('/v1/pool', { token: await signToken('dashboard', ['else']) });
    expect(other.status).toBe(200);
    expect(other.body.rentals).toEqual([]);
  });
});
