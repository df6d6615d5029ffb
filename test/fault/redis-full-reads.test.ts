import { expect, test } from '@jest/globals';
import { ROUTES, type Who } from '../../src/gateway/auth/access.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { connectRaw } from '../security/raw-socket.js';
import { jwt, tenant, type Tenant } from '../security/world.js';
import { cleanUp, startFaultyRedis } from './redis-world.js';

const BURST = 60;
/** So low that a gateway takes one token at a time out of Redis: nothing goes by what it had before. */
const ENV = { RATE_PER_KEY: '6', RATE_PER_TOKEN: '6', RATE_PER_ADDRESS: '6', RATE_BURST_S: '10' };
const READS = (Object.entries(ROUTES) as [string, Who][]).filter(([route]) => route.startsWith('GET '));

/** A gateway with a Repo and an open round, over a Redis that takes nothing more. */
async function startFull(): Promise<{ gateway: TestGateway; repo: Tenant }> {
  const redis = await startFaultyRedis();
  const gateway = await startGateway({ env: ENV, server: { url: redis.url, cluster: false } });
  cleanUp(() => gateway.close());
  const repo = await tenant(gateway);
  await redis.admin.config('SET', 'maxmemory', '1');
  cleanUp(async () => void (await redis.admin.config('SET', 'maxmemory', '0')));
  return { gateway, repo };
}

/** Of somebody who has not asked for anything so far. */
let subjects = 0;
const newToken = (): string => jwt({ role: 'admin', sub: `reader-${++subjects}` });

test('everything can be read by HTTP', async () => {
  const { gateway, repo } = await startFull();
  const params: Record<string, string> = {
    repoId: repo.repoId,
    sessionId: repo.sessionId,
    modelId: repo.modelId,
    evaluationId: repo.evaluationId,
    sha256: repo.topologySha256,
    version: '0',
  };
  const refused: string[] = [];
  for (const [route, who] of READS) {
    const path = route.slice(4).replace(/:(\w+)/g, (_, name: string) => params[name] ?? `no-${name}`);
    const credential = who === 'library' ? repo.apiKey : newToken();
    const headers = {
      ...(who === 'anyone' ? {} : { authorization: `Bearer ${credential}` }),
      ...(who === 'library' ? { 'library-id': 'ada' } : {}),
    };
    const stop = new AbortController();
    const answer = await fetch(`${gateway.url}${path}`, { headers, signal: stop.signal });
    if (!answer.ok) refused.push(`${route}: ${await answer.text()}`);
    stop.abort();
  }
  expect(refused).toEqual([]);
}, 30_000);

test('everything can be read by socket, and a Library keeps its place', async () => {
  const { gateway, repo } = await startFull();
  const { repoId, sessionId, apiKey } = repo;
  const ask = async (namespace: string, auth: object, events: readonly string[]): Promise<void> => {
    const socket = await connectRaw(gateway.url, namespace, { ...auth, protocolVersion: 1 });
    expect(socket.handshake).toEqual({ ok: true });
    const input = namespace === '/library' ? {} : { repoId, sessionId };
    for (const event of events) expect(await socket.call(event, input)).toMatchObject({ ok: true });
    socket.close();
  };
  const reads = ['session:get', 'session:follow', 'session:unfollow'];
  for (const namespace of ['/explora', '/dashboard']) await ask(namespace, { token: newToken() }, reads);
  await ask('/library', { apiKey, libraryId: 'ada' }, ['assignment:get']);

  const headers = { 'library-id': 'ada' };
  const beat = { method: 'POST', token: apiKey, headers, body: {} };
  expect(await gateway.json('/v1/library/heartbeat', beat)).toMatchObject({ status: 200 });
}, 30_000);

test('rates hold all the same', async () => {
  const { gateway } = await startFull();
  const statuses: number[] = [];
  for (let i = 0; i < 2 * BURST; i++) statuses.push((await fetch(`${gateway.url}/v1/openapi.json`)).status);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
}, 30_000);
