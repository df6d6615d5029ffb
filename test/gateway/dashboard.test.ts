import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import express from 'express';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { dashboardPage } from '../../src/gateway/http/dashboard-page.js';
import { openRound, uploadModel } from '../helpers/open-round.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway();
});
afterAll(() => pool.close());

describe('the page', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cn-page-'));
  let server: Server;
  let url = '';
  beforeAll(async () => {
    mkdirSync(path.join(folder, 'assets'));
    writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>x</title>'.repeat(50));
    writeFileSync(path.join(folder, 'assets/index-abc123.js'), 'export {};');
    server = express().use(dashboardPage(folder)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  test('is at / and /dashboard, checked each time, and may run nothing that is not its own', async () => {
    for (const at of ['/', '/dashboard', '/dashboard/']) {
      const answer = await fetch(url + at);
      expect([at, answer.status, answer.headers.get('content-type')]).toEqual([
        at,
        200,
        'text/html; charset=utf-8',
      ]);
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(answer.headers.get('content-encoding')).toBe('gzip');
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(await answer.text()).toContain('<!doctype html>');
      const again = await fetch(url + at, { headers: { 'If-None-Match': answer.headers.get('etag') ?? '' } });
      expect(again.status).toBe(304);
    }
  });

  test('has assets that are kept for ever, plain for whoever knows no gzip; nothing else is there', async () => {
    const asset = await fetch(`${url}/dashboard/assets/index-abc123.js`, {
      headers: { 'Accept-Encoding': 'identity' },
    });
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect([asset.headers.get('content-encoding'), await asset.text()]).toEqual([null, 'export {};']);
    for (const at of [
      '/dashboard/assets/../index.html',
      '/dashboard/assets/',
      '/dashboard/assets/other.js',
      '/index.html',
    ])
      expect([at, (await fetch(url + at)).status]).toEqual([at, 404]);
    expect((await fetch(`${url}/dashboard`, { method: 'POST' })).status).toBe(404);
  });
});

describe('aliases', () => {
  test('point at a model, move, and go; only writers change them', async () => {
    const { repoId } = await pool.repo();
    const token = await signToken('explora', [repoId]);
    const modelId = await uploadModel(pool, repoId);
    const at = `/v1/repos/${repoId}/aliases`;
    const put = (alias: string, body: object, as = token): ReturnType<TestGateway['json']> =>
      pool.json(`${at}/${alias}`, { method: 'PUT', body, token: as });
    expect((await pool.json(at, { token })).body).toEqual({ aliases: [] });
    const set = await put('production', { modelId });
    expect([set.status, set.body]).toEqual([
      200,
      { alias: 'production', modelId, setMs: expect.any(Number), setBy: 'test' },
    ]);
    await put('candidate', { modelId });
    await put('production', { modelId });
    const names = (await pool.json(at, { token })).body.aliases.map((one: { alias: string }) => one.alias);
    expect(names).toEqual(['candidate', 'production']);
    expect((await put('production', { modelId: 'm-none' })).body.error.code).toBe('model_not_found');
    expect((await put('a:b', { modelId })).body.error.code).toBe('invalid_request');
    const reader = await signToken('dashboard', [repoId]);
    expect((await put('production', { modelId }, reader)).body.error.code).toBe('forbidden');
    expect((await put('production', { modelId }, await signToken('owner', ['else']))).body.error.code).toBe(
      'forbidden',
    );
    expect((await pool.json(at, { token: reader })).status).toBe(200);
    await pool.json(`${at}/candidate`, { method: 'DELETE', token });
    expect((await pool.json(at, { token })).body.aliases).toHaveLength(1);
    await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' });
    expect(await pool.stores.aliases.list(repoId)).toEqual([]);
  });
});

describe('the Libraries of a round in numbers', () => {
  test('are counted by what they answered', async () => {
    const { repoId, sessionId, apiKey } = await openRound(pool, { a: 3, b: 3, c: 3 });
    const count = async (): Promise<unknown> =>
      (await pool.json(`/v1/repos/${repoId}/sessions/${sessionId}/assignments`)).body;
    const none = { offered: 0, accepted: 0, received: 0, declined: 0, failed: 0, expired: 0 };
    expect(await count()).toEqual({ round: 1, attempt: 1, counts: { ...none, offered: 3 } });
    const answer = (libraryId: string, what: string): Promise<Response> =>
      pool.call(`/v1/library/assignment/${what}`, {
        method: 'POST',
        token: apiKey,
        headers: { 'Library-Id': libraryId },
        body: { sessionId, round: 1, attempt: 1, ...(what === 'accept' ? {} : { reason: 'busy' }) },
      });
    await answer('a', 'accept');
    await answer('b', 'decline');
    expect(await count()).toEqual({
      round: 1,
      attempt: 1,
      counts: { ...none, offered: 1, accepted: 1, declined: 1 },
    });
  });

  test("are none before the first round, and nobody else's", async () => {
    const { repoId } = await pool.repo();
    const modelId = await uploadModel(pool, repoId);
    const body = { modelId, hyperparams: { batchSize: 4 } };
    const { sessionId } = (await pool.json(`/v1/repos/${repoId}/sessions`, { method: 'POST', body })).body;
    const at = `/v1/repos/${repoId}/sessions/${sessionId}/assignments`;
    expect((await pool.json(at)).body).toMatchObject({ round: null, attempt: null });
    const stranger = await signToken('owner', ['else']);
    expect((await pool.json(at, { token: stranger })).body.error.code).toBe('forbidden');
  });
});

test('the list of sessions is paged, newest first', async () => {
  const { repoId } = await pool.repo();
  const modelId = await uploadModel(pool, repoId);
  const at = `/v1/repos/${repoId}/sessions`;
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await pool.json(at, { method: 'POST', body: { name, modelId, hyperparams: { batchSize: 4 } } });
  const names = async (query: string): Promise<string[]> => {
    const { body } = await pool.json(at + query);
    expect(body.total).toBe(5);
    return body.sessions.map((one: { name: string }) => one.name);
  };
  const all = await names('');
  expect([...all].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(await names('?limit=2')).toEqual(all.slice(0, 2));
  expect(await names('?limit=2&offset=3')).toEqual(all.slice(3));
  expect(await names('?offset=5')).toEqual([]);
  for (const query of ['?limit=0', '?limit=501', '?offset=-1', '?page=2'])
    expect((await pool.json(at + query)).body.error.code).toBe('invalid_request');
});
