import { once } from 'node:events';
import { request } from 'node:https';
import { createConnection } from 'node:net';
import { Readable } from 'node:stream';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DeterministicTrainer } from '../../bench/lib/trainer.js';
import { parseEnv } from '../../src/config/env.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { Library } from '../../src/library/index.js';
import { createAuthority, type Certificate } from '../helpers/certificates.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';

const authority = createAuthority();
const clients = createAuthority('authority of clients');
const server = authority.issue('gateway');
const key = newPoolKey();
const env = { POOL_KEY: poolKeyPem(key), TLS_CERT: server.cert, TLS_KEY: server.key };

/** Of the same pool, for the helper's own calls: they do not know the authority. */
let plain: TestGateway;
let pool: TestGateway;
let mutual: TestGateway;
let apiKey: string;
beforeAll(async () => {
  plain = await startGateway();
  pool = await startGateway({ env, like: plain });
  mutual = await startGateway({ env: { ...env, TLS_CLIENT_CA: clients.cert }, like: plain });
  ({ apiKey } = await plain.repo('clinics'));
});
afterAll(async () => {
  await mutual.close();
  await pool.close();
  await plain.close();
});

/** `fetch` over TLS with an authority, and perhaps a certificate, of the test's own. */
function fetchWith(own?: Certificate): typeof fetch {
  return (url, init = {}) =>
    new Promise((resolve, reject) => {
      const { method = 'GET', headers, body } = init;
      const options = { method, headers: headers as Record<string, string>, ca: authority.cert, ...own };
      request(url as string, options, (answer) => {
        const status = answer.statusCode ?? 500;
        const none = status === 204 || status === 304;
        const stream = none ? null : (Readable.toWeb(answer) as ReadableStream);
        resolve(new Response(stream, { status, headers: answer.headers as Record<string, string> }));
      })
        // As fetch says it.
        .once('error', (cause) => reject(new TypeError('fetch failed', { cause })))
        .end(body as string | Uint8Array | undefined);
    });
}

function library(url: string, own?: Certificate): Library {
  const made = new Library({
    url,
    apiKey,
    libraryId: 'a',
    poolKey: key.publicKey,
    trainer: new DeterministicTrainer({ seed: 1, numExamples: 1 }),
    transport: { fetch: fetchWith(own), socket: { ca: authority.cert, ...own } },
    backoff: { baseMs: 10, maxMs: 50 },
  });
  made.addData('data', { rows: [[1, 2]] });
  return made;
}

/** The certificate that a new connection is shown. */
function shown(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port), ca: authority.cert }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.end();
    }).once('error', reject);
  });
}

test('a gateway with a certificate speaks HTTPS and WSS, and nothing else', async () => {
  expect(pool.url).toMatch(/^https:/);
  expect((await fetchWith()(`${pool.url}/livez`)).status).toBe(200);
  await expect(fetch(pool.url.replace('https', 'http'))).rejects.toThrow();
  // Nobody vouches for it here.
  await expect(fetch(`${pool.url}/livez`)).rejects.toMatchObject({
    cause: { message: expect.stringMatching(/self-signed|verify/) as unknown },
  });
  const one = library(pool.url);
  await one.join();
  await one.leave();
});

test('another certificate is taken over while connections stay', async () => {
  const one = library(pool.url);
  await one.join();
  const states: string[] = [];
  one.on('state', (state) => states.push(state));
  const before = await shown(pool.url);
  const next = authority.issue('gateway');
  pool.gateway.renewTls({ TLS_CERT: next.cert, TLS_KEY: next.key, TLS_CLIENT_CA: undefined });
  expect(before).toBe(server.cert);
  expect(await shown(pool.url)).toBe(next.cert);
  // Half of a pair, and nothing: the last good one stays.
  const renew = (settings: object) => () => pool.gateway.renewTls({ ...none, ...settings });
  const none = { TLS_CERT: undefined, TLS_KEY: undefined, TLS_CLIENT_CA: undefined };
  expect(renew({ TLS_CERT: server.cert, TLS_KEY: next.key })).toThrow(/key values mismatch/);
  expect(renew({ TLS_CERT: 'nonsense', TLS_KEY: next.key })).toThrow();
  expect(renew({})).toThrow('the certificate is gone');
  expect(await shown(pool.url)).toBe(next.cert);
  one.addData('more', { rows: [[1, 2]] });
  await eventually(async () => (await pool.stores.libraries.candidates('clinics', 'more')).length === 1);
  expect(states).toEqual([]);
  await one.leave();
});

test('with TLS_CLIENT_CA a Library without a certificate of it gets nowhere, on either way', async () => {
  const stranger = createAuthority('somebody').issue('a');
  for (const own of [undefined, stranger]) {
    const one = library(mutual.url, own);
    await expect(one.join()).rejects.toMatchObject({ code: 'client_certificate_required' });
    const headers = { authorization: `Bearer ${apiKey}`, 'library-id': 'a' };
    const answer = await fetchWith(own)(`${mutual.url}/v1/library/assignment`, { headers });
    expect([answer.status, await answer.json()]).toMatchObject([
      401,
      { error: { code: 'client_certificate_required' } },
    ]);
  }
  // Probes and everybody who is no Library need none.
  expect((await fetchWith()(`${mutual.url}/livez`)).status).toBe(200);
  const proof = { method: 'POST', body: JSON.stringify({ repoId: 'clinics', nonce: 'n'.repeat(22) }) };
  expect((await fetchWith()(`${mutual.url}/v1/proof`, proof)).status).toBe(200);
});

test('with a certificate of TLS_CLIENT_CA it needs its API key all the same', async () => {
  const own = clients.issue('clinic-7');
  const one = library(mutual.url, own);
  await one.join();
  const ask = (token: string): Promise<Response> =>
    fetchWith(own)(`${mutual.url}/v1/library/assignment`, {
      headers: { authorization: `Bearer ${token}`, 'library-id': 'a' },
    });
  expect((await ask(apiKey)).status).toBe(200);
  expect((await ask('cnk_clinics.k-1.wrong')).status).toBe(401);
  await one.leave();
});

test('a connection that never says anything does not keep a gateway from closing', async () => {
  const other = await startGateway({ env, like: plain });
  const silent = createConnection(Number(new URL(other.url).port), '127.0.0.1');
  await once(silent, 'connect');
  const ended = once(silent, 'close');
  const startedMs = performance.now();
  await other.close();
  await ended;
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('a certificate without its key, and authorities without a certificate, are wrong configurations', () => {
  expect(() => parseEnv({ TLS_CERT: server.cert })).toThrow('TLS_CERT, TLS_KEY: set both or neither');
  expect(() => parseEnv({ TLS_CLIENT_CA: server.cert })).toThrow('TLS_CLIENT_CA: needs TLS_CERT and TLS_KEY');
});
