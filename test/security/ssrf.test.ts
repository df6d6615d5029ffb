import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { checkModel } from '../../src/keras/check-model.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { SECRET, signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, ramp, TENSORS, TOPOLOGY } from '../helpers/open-round.js';
import { port, rawHttp, rawSocket, request } from './raw.js';

/** Somewhere that nobody but a pool that was talked into it would connect to. */
const inside = createServer((socket) => {
  visits++;
  socket.destroy();
});
let visits = 0;
let target: string;
let pool: TestGateway;
let repoId: string;
let apiKey: string;
beforeAll(async () => {
  inside.listen(0, '127.0.0.1');
  await once(inside, 'listening');
  target = `http://127.0.0.1:${(inside.address() as { port: number }).port}/x`;
  // The real check: it is what builds topologies, by code that can fetch.
  pool = await startGateway({ models: { check: checkModel, close: () => Promise.resolve() } });
  ({ repoId, apiKey } = await pool.repo());
});
afterAll(async () => {
  inside.close();
  await pool.close();
});

it('a test server of this kind notices visits', async () => {
  await fetch(target).catch(() => undefined);
  expect(visits).toBe(1);
  visits = 0;
});

it('no header makes the pool fetch what it names', async () => {
  const admin = await signToken('admin');
  const names = [
    ...['Host', 'X-Forwarded-Host', 'X-Forwarded-For', 'Forwarded', 'Referer', 'Origin', 'Location', 'Link'],
    ...['X-Original-URL', 'X-Rewrite-URL', 'Destination', 'Callback-URL', 'Profile', 'SourceMap', 'Proxy'],
  ];
  for (const name of names) {
    const text = `GET /v1/repos/${repoId} HTTP/1.1\r\n${name === 'Host' ? '' : 'Host: pool\r\n'}${name}: ${target}\r\nAuthorization: Bearer ${admin}\r\n\r\n`;
    expect((await rawHttp(pool.url, text)).status).toBe(200);
  }
  // As to a proxy.
  for (const line of [`GET ${target}`, `CONNECT 127.0.0.1:${port(target)}`]) {
    const answer = await rawHttp(pool.url, `${line} HTTP/1.1\r\nHost: pool\r\nConnection: close\r\n\r\n`);
    expect(answer.status).not.toBe(200);
  }
  expect(visits).toBe(0);
});

it('no token brings the keys that verify it', async () => {
  for (const header of [{ jku: target }, { x5u: target }, { jku: target, kid: target }]) {
    for (const alg of ['HS256', 'RS256', 'none']) {
      const head = Buffer.from(JSON.stringify({ alg, ...header })).toString('base64url');
      const [, payload, signature] = (await signToken('admin')).split('.');
      const answer = await pool.json('/v1/pool', { token: `${head}.${payload}.${signature}` });
      expect(answer.status).toBe(401);
    }
    // Signed by the pool's own secret, so that it is valid but for what it asks.
    const signed = await new SignJWT({ role: 'admin', repos: [], iss: target })
      .setProtectedHeader({ alg: 'HS256', ...header })
      .setSubject(target)
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(SECRET));
    expect((await pool.json('/v1/pool', { token: signed })).status).toBe(200);
  }
  expect(visits).toBe(0);
});

it('no field of a body is fetched', async () => {
  const job = {
    modelId: target,
    hyperparams: { batchSize: 1, loss: target },
    name: target,
    datasetId: target,
  };
  const bodies: [string, string, object][] = [
    ['POST', '/v1/repos', { repoId: 'named', name: target }],
    ['POST', '/v1/repos', { repoId: target, webhook: target, callbackUrl: target }],
    ['POST', `/v1/repos/${repoId}/keys`, { label: target }],
    ['POST', `/v1/repos/${repoId}/sessions`, job],
    ['POST', `/v1/repos/${repoId}/sessions`, { ...job, url: target, modelUrl: target }],
  ];
  for (const [method, path, body] of bodies) await pool.json(path, { method, body });
  const socket = await rawSocket(pool.url);
  socket.ws.send(`40/library,${JSON.stringify({ apiKey, libraryId: 'a', protocolVersion: 1 })}`);
  await socket.message('40/library,');
  const reason = JSON.stringify({ sessionId: 's', round: 1, attempt: 1, reason: target });
  socket.ws.send(`42/library,1["assignment:fail",${reason}]`);
  await socket.message('43/library,1[');
  socket.ws.terminate();
  await rawHttp(pool.url, request('GET', `/v1/repos/${encodeURIComponent(target)}`, { token: apiKey }));
  expect(visits).toBe(0);
});

it('no topology is fetched, nor weights that it names', async () => {
  const manifest = [{ paths: [target], weights: TENSORS }];
  const topologies = [
    { ...TOPOLOGY, weightsManifest: manifest },
    { modelTopology: TOPOLOGY, weightsManifest: manifest, pathPrefix: target },
    { ...TOPOLOGY, config: { ...TOPOLOGY.config, weightsManifest: manifest, weightUrls: [target] } },
    { ...TOPOLOGY, modelUrl: target, weightPathPrefix: target, loadFrom: target },
    { class_name: target, config: { layers: [target], name: target } },
  ];
  for (const topology of topologies) {
    const body = encodeFrame({ topology, tensors: TENSORS }, bytesOf(ramp()));
    const answer = await pool.json(`/v1/repos/${repoId}/models`, { method: 'POST', body });
    expect([201, 422]).toContain(answer.status);
  }
  expect(visits).toBe(0);
});

it('addresses of other machines come from the configuration alone', async () => {
  const { readdirSync, readFileSync } = await import('node:fs');
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(gateway|redis|blobs|keras|telemetry)\/.*\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(50);
  // What opens connections, and where. Look at what it is given before adding to the list.
  const opening =
    /\bfetch\(|\bhttp\.get\(|\bhttps?\.request\(|createRemoteJWKSet\(|new (sdk\.)?S3Client\(|new (Redis|PoolCluster)\(|from 'node:(net|tls|dgram|http2)'/;
  const imports = (file: string): string =>
    readFileSync(`src/${file}`, 'utf8').replace(/^import type .*$/gm, '');
  const found = files.filter((file) => opening.test(imports(file))).sort();
  expect(found).toEqual([
    'blobs/s3-bucket.ts',
    'gateway/auth/jwks.ts',
    // Takes over connections that were accepted; opens none.
    'gateway/direct/direct-socket.ts',
    'gateway/tls/client-certificate.ts',
    'gateway/tls/web-server.ts',
    'redis/cluster-client.ts',
    'redis/connection.ts',
    // Connects to where the connection goes that it is made from.
    'redis/large-replies/large-values.ts',
  ]);
});
