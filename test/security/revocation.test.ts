import { createServer } from 'node:http';
import { rm, mkdtemp, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { parseEnv } from '../../src/config/env.js';
import { TokenVerifier } from '../../src/gateway/auth/tokens.js';
import { eventually } from '../helpers/eventually.js';
import { SECRET, startGateway, type TestGateway } from '../helpers/gateway.js';
import { connectRaw, type RawSocket } from './raw-socket.js';
import { jwt, tenant, type Tenant } from './world.js';

const WITHIN_MS = 1_000;
let first: TestGateway;
let second: TestGateway;
let a: Tenant;
beforeAll(async () => {
  first = await startGateway({ env: { AUTH_CLOCK_TOLERANCE_MS: '0' } });
  second = await startGateway({ like: first, env: { AUTH_CLOCK_TOLERANCE_MS: '0' } });
  a = await tenant(first);
});
afterAll(async () => {
  await second.close();
  await first.close();
});

/** An event stream over HTTP, and what came over it. */
async function stream(
  gateway: TestGateway,
  token: string,
): Promise<{ text: () => string; isOpen: () => boolean }> {
  const answer = await gateway.call(`/v1/repos/${a.repoId}/sessions/${a.sessionId}/events`, { token });
  expect(answer.status).toBe(200);
  let text = '';
  let open = true;
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>)
      text += decoder.decode(chunk, { stream: true });
  };
  read()
    .catch(() => undefined)
    .finally(() => (open = false));
  return { text: () => text, isOpen: () => open };
}

const byToken = (gateway: TestGateway, namespace: string, token: string) =>
  connectRaw(gateway.url, namespace, { token, protocolVersion: 1 });
const byKey = (gateway: TestGateway, apiKey: string, libraryId: string) =>
  connectRaw(gateway.url, '/library', { apiKey, libraryId, protocolVersion: 1 });
const status = async (gateway: TestGateway, token: string): Promise<number> =>
  (await gateway.call(`/v1/repos/${a.repoId}`, { token })).status;
const reasonOf = (socket: RawSocket): string | undefined =>
  socket.heard.find(({ event }) => event === 'server:closing')?.data.error.message as string | undefined;

/** Everything that a token opens, on both replicas. */
async function openAll(token: string) {
  const gateways = [first, second];
  const sockets = await Promise.all(
    gateways.flatMap((gateway) => ['/explora', '/dashboard'].map((name) => byToken(gateway, name, token))),
  );
  const streams = await Promise.all(gateways.map((gateway) => stream(gateway, token)));
  for (const { handshake } of sockets) expect(handshake).toEqual({ ok: true });
  return { sockets, streams };
}
type Opened = Awaited<ReturnType<typeof openAll>>;
const allClosed = ({ sockets, streams }: Opened): boolean =>
  sockets.every((socket) => !socket.isOpen) && streams.every((one) => !one.isOpen());
const allOpen = ({ sockets, streams }: Opened): boolean =>
  sockets.every((socket) => socket.isOpen) && streams.every((one) => one.isOpen());

describe('a token', () => {
  const claims = { role: 'explora', repos: [] as string[] };
  beforeAll(() => void claims.repos.push(a.repoId));

  it('that is revoked by its id is refused, and closes what it opened, within a second on every replica', async () => {
    const token = jwt({ ...claims, jti: 'lost' });
    const lost = await openAll(token);
    const other = await openAll(jwt({ ...claims, jti: 'kept' }));
    const answer = await first.json('/v1/revocations', { method: 'POST', body: { jti: 'lost' } });
    expect(answer.body).toEqual({ revoked: true });
    await eventually(() => allClosed(lost), { withinMs: WITHIN_MS });
    await eventually(async () => (await status(second, token)) === 401, { withinMs: WITHIN_MS });
    expect(await status(first, token)).toBe(401);
    for (const socket of lost.sockets) expect(reasonOf(socket)).toBe('The token was revoked.');
    for (const { text } of lost.streams) expect(text()).toMatch(/event: server:closing\ndata: .*was revoked/);
    expect((await byToken(second, '/explora', token)).handshake).toEqual({
      ok: false,
      code: 'unauthenticated',
    });
    expect(allOpen(other)).toBe(true);
  });

  it('is revoked with all of its subject that are older', async () => {
    const old = jwt({ ...claims, sub: 'ada', iat: Math.floor(Date.now() / 1_000) - 10 });
    const silent = jwt({ ...claims, sub: 'ada', iat: undefined });
    const opened = await openAll(old);
    const bob = await openAll(jwt({ ...claims, sub: 'bob' }));
    const body = { sub: 'ada', issuedBeforeMs: Date.now() - 5_000 };
    await second.json('/v1/revocations', { method: 'POST', body });
    await eventually(() => allClosed(opened), { withinMs: WITHIN_MS });
    expect([await status(first, old), await status(first, silent)]).toEqual([401, 401]);
    expect(await status(first, jwt({ ...claims, sub: 'ada' }))).toBe(200);
    expect(allOpen(bob)).toBe(true);
  });

  it('is revoked though the hint is lost, and for a gateway that comes later', async () => {
    const token = jwt({ ...claims, jti: 'quiet' });
    const opened = await openAll(token);
    // As a gateway that dies between the two leaves it: written, and nobody told.
    await first.stores.revocations.append({ kind: 'token', jti: 'quiet' }, 60_000);
    await eventually(() => allClosed(opened), { withinMs: WITHIN_MS });
    const third = await startGateway({ like: first });
    expect(await status(third, token)).toBe(401);
    await third.close();
  });

  it('that ends closes what it opened, and says so', async () => {
    const startedMs = Date.now();
    const opened = await openAll(jwt(claims, { lifetimeS: 2 }));
    await eventually(() => allClosed(opened), { withinMs: 2_000 + WITHIN_MS });
    expect(Date.now() - startedMs).toBeGreaterThan(900);
    for (const socket of opened.sockets) expect(reasonOf(socket)).toBe('The token has expired.');
  });

  it('of too long a life is refused, with the limit', async () => {
    const answer = await first.json('/v1/pool', { token: jwt(claims, { lifetimeS: 86_400 + 60 }) });
    expect(answer.status).toBe(401);
    expect(answer.body.error.message).toContain('at most 86400000 ms (AUTH_MAX_TOKEN_LIFETIME_MS)');
    // One that claims to be issued later, or does not say, gains nothing.
    const laterS = Math.floor(Date.now() / 1_000) + 86_400;
    expect(await status(first, jwt({ ...claims, iat: laterS, exp: laterS + 60 }))).toBe(401);
    expect(await status(first, jwt({ ...claims, iat: undefined }, { lifetimeS: 86_400 + 60 }))).toBe(401);
  });

  it('is revoked by an admin only, and a body of another form is refused', async () => {
    const owner = jwt({ role: 'owner', repos: [a.repoId] });
    const post = (body: unknown, token?: string) =>
      first.json('/v1/revocations', { method: 'POST', body, ...(token === undefined ? {} : { token }) });
    expect((await post({ jti: 'x' }, owner)).body.error.code).toBe('forbidden');
    for (const body of [{}, { jti: '' }, { jti: 'x', sub: 'y' }, { sub: 'x', issuedBeforeMs: -1 }])
      expect((await post(body)).body.error.code).toBe('invalid_request');
  });
});

describe('an API key', () => {
  const ask = async (gateway: TestGateway, apiKey: string): Promise<number> =>
    (await gateway.call('/v1/library/assignment', { token: apiKey, headers: { 'library-id': 'x' } })).status;

  it('that is revoked closes its sockets within a second on every replica, and opens nothing', async () => {
    const { repoId, apiKey, keyId } = await first.repo();
    const { body: made } = await first.json(`/v1/repos/${repoId}/keys`, { method: 'POST', body: {} });
    const sockets = [await byKey(first, apiKey, 'l-1'), await byKey(second, apiKey, 'l-2')];
    const other = await byKey(second, made.apiKey as string, 'l-3');
    await second.json(`/v1/repos/${repoId}/keys/${keyId}`, { method: 'DELETE' });
    expect([await ask(first, apiKey), await ask(second, apiKey)]).toEqual([401, 401]);
    await eventually(() => sockets.every((socket) => !socket.isOpen), { withinMs: WITHIN_MS });
    for (const socket of sockets) expect(reasonOf(socket)).toBe(`The API key "${keyId}" was revoked.`);
    expect((await byKey(first, apiKey, 'l-1')).handshake).toEqual({ ok: false, code: 'unauthenticated' });
    expect(other.isOpen).toBe(true);
    await first.json(`/v1/repos/${repoId}`, { method: 'DELETE' });
    await eventually(() => !other.isOpen, { withinMs: WITHIN_MS });
  });

  it('that is revoked again and again makes the log of revocations no longer', async () => {
    const { repoId, keyId } = await first.repo();
    const revoke = () => first.json(`/v1/repos/${repoId}/keys/${keyId}`, { method: 'DELETE' });
    for (let i = 0; i < 3; i++) expect((await revoke()).body).toEqual({ revoked: true });
    const log = await first.stores.revocations.read(0);
    expect(
      log.filter(({ revocation }) => revocation.kind === 'key' && revocation.keyId === keyId),
    ).toHaveLength(1);
  });

  it('may end by itself, and then closes its sockets', async () => {
    const { repoId } = await first.repo();
    const keys = `/v1/repos/${repoId}/keys`;
    const { body: made } = await first.json(keys, { method: 'POST', body: { expiresInMs: 1_000 } });
    const socket = await byKey(second, made.apiKey as string, 'l-1');
    expect(socket.handshake.ok).toBe(true);
    await eventually(() => !socket.isOpen, { withinMs: 1_000 + WITHIN_MS });
    expect(reasonOf(socket)).toBe(`The API key "${made.keyId}" has expired.`);
    expect(await ask(first, made.apiKey as string)).toBe(401);
    expect((await first.json(keys, { method: 'POST', body: { expiresInMs: 1 } })).status).toBe(400);
  });

  it('is listed with when it was used last, and without its secret', async () => {
    const { repoId, apiKey, keyId } = await first.repo();
    const list = async () => (await first.json(`/v1/repos/${repoId}/keys`)).body.keys[0];
    expect(await list()).toMatchObject({ keyId, lastUsedMs: null, expiresMs: null, revokedMs: null });
    await ask(second, apiKey);
    await eventually(async () => Math.abs((await list()).lastUsedMs - Date.now()) < 5_000);
    expect(JSON.stringify(await list())).not.toContain(apiKey.slice(-43));
    // What is said late of a key that is gone leaves nothing behind.
    await first.json(`/v1/repos/${repoId}`, { method: 'DELETE' });
    await first.stores.repos.noteKeyUse(repoId, keyId);
    expect(await first.redis.exists(first.stores.context.keys.keyUses(repoId))).toBe(0);
  });
});

describe('rotation', () => {
  const verifier = (
    env: Readonly<Record<string, string>>,
    times?: { maxAgeMs: number; cooldownMs: number },
  ) => new TokenVerifier(parseEnv(env), times);
  const sign = (key: CryptoKey, alg: string, kid: string) =>
    new SignJWT({ role: 'explora', repos: ['a'] })
      .setProtectedHeader({ alg, kid })
      .setSubject('s')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(key);
  const pair = async (alg: string, kid: string): Promise<{ key: CryptoKey; jwk: JWK }> => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
  };

  it('of the secret: the previous one is good until it is taken away', async () => {
    const next = 'the secret that comes after it, 32+ characters';
    const [old, young] = [jwt({ role: 'admin' }), jwt({ role: 'admin' }, { secret: next })];
    const both = verifier({ AUTH_SECRET: next, AUTH_SECRET_PREVIOUS: SECRET });
    expect([(await both.verify(old)).role, (await both.verify(young)).role]).toEqual(['admin', 'admin']);
    const after = verifier({ AUTH_SECRET: next });
    await expect(after.verify(old)).rejects.toMatchObject({ code: 'unauthenticated' });
    const forged = jwt({ role: 'admin' }, { secret: 'a third one that nobody gave us, 32+' });
    await expect(both.verify(forged)).rejects.toMatchObject({ code: 'unauthenticated' });
    const expired = jwt({ role: 'admin' }, { lifetimeS: -3_600 });
    await expect(both.verify(expired)).rejects.toThrow('The token has expired.');
  });

  it('of a JWKS: a new key is fetched when it is met, at most once in a while; all three kinds of key', async () => {
    const keys = await Promise.all([pair('RS256', 'one'), pair('ES256', 'two'), pair('EdDSA', 'three')]);
    let published = keys.slice(0, 1);
    let reads = 0;
    let isAway = false;
    const server = createServer((_req, res) => {
      reads += 1;
      res.statusCode = isAway ? 500 : 200;
      res.end(JSON.stringify({ keys: published.map(({ jwk }) => jwk) }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const tokens = verifier(
      { AUTH_JWKS_URL: `http://127.0.0.1:${port}/jwks` },
      { maxAgeMs: 600_000, cooldownMs: 300 },
    );
    try {
      const [one, two, three] = await Promise.all(
        keys.map(({ key, jwk }) => sign(key, jwk.alg ?? '', jwk.kid ?? '')),
      );
      expect((await tokens.verify(one ?? '')).sub).toBe('s');
      expect(reads).toBe(1);
      // Fresh: strangers can not make it read again and again.
      for (let i = 0; i < 20; i++)
        await expect(tokens.verify(two ?? '')).rejects.toMatchObject({ code: 'unauthenticated' });
      expect(reads).toBe(1);
      published = keys.slice(1);
      await eventually(async () => (await tokens.verify(two ?? '')).sub === 's');
      expect((await tokens.verify(three ?? '')).sub).toBe('s');
      expect(reads).toBe(2);
      await expect(tokens.verify(one ?? '')).rejects.toMatchObject({ code: 'unauthenticated' });
      await expect(tokens.verify(jwt({ role: 'admin' }))).rejects.toMatchObject({ code: 'unauthenticated' });

      isAway = true;
      const late = verifier({ AUTH_JWKS_URL: `http://127.0.0.1:${port}/jwks` });
      await expect(late.verify(two ?? '')).rejects.toMatchObject({
        code: 'jwks_unavailable',
        retryable: true,
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('of a JWKS in a file', async () => {
    const [one, two] = await Promise.all([pair('ES256', 'one'), pair('EdDSA', 'two')]);
    const dir = await mkdtemp(path.join(tmpdir(), 'cn-jwks-'));
    const file = path.join(dir, 'jwks.json');
    try {
      const tokens = verifier({ AUTH_JWKS_URL: pathToFileURL(file).href }, { maxAgeMs: 100, cooldownMs: 50 });
      const first = await sign(one.key, 'ES256', 'one');
      await expect(tokens.verify(first)).rejects.toMatchObject({ code: 'jwks_unavailable' });
      await writeFile(file, JSON.stringify({ keys: [one.jwk] }));
      expect((await tokens.verify(first)).sub).toBe('s');
      await writeFile(file, JSON.stringify({ keys: [two.jwk] }));
      const second = await sign(two.key, 'EdDSA', 'two');
      await eventually(async () => (await tokens.verify(second)).sub === 's');
      await expect(tokens.verify(first)).rejects.toMatchObject({ code: 'unauthenticated' });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
