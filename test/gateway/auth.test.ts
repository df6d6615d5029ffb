import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { parseEnv } from '../../src/config/env.js';
import { createApiKey } from '../../src/gateway/auth/api-keys.js';
import { TokenVerifier } from '../../src/gateway/auth/tokens.js';
import type { Role } from '../../src/protocol/http.js';
import { SECRET, signToken, startGateway, type TestGateway } from '../helpers/gateway.js';

let pool: TestGateway;
let repoId: string;
let apiKey: string;
beforeAll(async () => {
  pool = await startGateway();
  ({ repoId, apiKey } = await pool.repo('clinics.north'));
});
afterAll(() => pool.close());

const codeOf = async (path: string, token: string, method = 'GET'): Promise<string> => {
  const { status, body } = await pool.json(path, {
    token,
    method,
    ...(method === 'GET' ? {} : { body: {} }),
  });
  return status < 300 ? 'ok' : (body.error.code as string);
};

const verify = (env: Readonly<Record<string, string>>): TokenVerifier => new TokenVerifier(parseEnv(env));

describe('tokens', () => {
  it('must be there, signed by the pool, alive, and have the claims', async () => {
    const path = `/v1/repos/${repoId}`;
    expect(await codeOf(path, '')).toBe('unauthenticated');
    expect(await codeOf(path, 'nonsense')).toBe('unauthenticated');
    const forged = await signToken('admin', [], { secret: 'another secret of at least 32 characters' });
    expect(await codeOf(path, forged)).toBe('unauthenticated');
    expect(await codeOf(path, await signToken('admin', [], { expires: '-2m' }))).toBe('unauthenticated');
    expect(await codeOf(path, await signToken('root' as Role))).toBe('unauthenticated');
    const [, payload] = (await signToken('admin')).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    expect(await codeOf(path, unsigned)).toBe('unauthenticated');
    // Clocks differ by some seconds.
    expect(await codeOf(path, await signToken('admin', [], { expires: '-20s' }))).toBe('ok');
  });

  it('are good for their role and their Repos', async () => {
    const path = `/v1/repos/${repoId}`;
    const cases: [Role, string, string, string][] = [
      ['dashboard', 'GET', path, 'ok'],
      ['dashboard', 'POST', `${path}/sessions`, 'forbidden'],
      ['dashboard', 'POST', `${path}/models`, 'forbidden'],
      ['dashboard', 'GET', `${path}/keys`, 'forbidden'],
      ['explora', 'GET', `${path}/models`, 'ok'],
      ['explora', 'POST', `${path}/sessions`, 'invalid_job'],
      ['explora', 'POST', `${path}/keys`, 'forbidden'],
      ['explora', 'DELETE', path, 'forbidden'],
      ['owner', 'POST', `${path}/keys`, 'ok'],
      ['owner', 'POST', '/v1/repos', 'forbidden'],
    ];
    for (const [role, method, route, expected] of cases)
      expect([role, method, route, await codeOf(route, await signToken(role, [repoId]), method)]).toEqual([
        role,
        method,
        route,
        expected,
      ]);
    const other = await pool.json(path, { token: await signToken('owner', ['else', '*']) });
    expect(other.status).toBe(403);
    expect(other.body.error.message).toContain(repoId);
  });

  it('may have to be from an issuer and for an audience', async () => {
    const verifier = verify({ AUTH_SECRET: SECRET, AUTH_ISSUER: 'us', AUTH_AUDIENCE: 'pool' });
    const good = await signToken('admin', [], { claims: { iss: 'us', aud: 'pool' } });
    expect(await verifier.verify(good)).toMatchObject({ role: 'admin', sub: 'test' });
    await expect(verifier.verify(await signToken('admin'))).rejects.toThrow(/claim "iss"/);
    await expect(verify({}).verify(good)).rejects.toThrow(/neither AUTH_SECRET/);
  });

  it('may be signed by a key of a JWKS, and then by nothing else', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
    const server: Server = createServer((_req, res) => res.end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const verifier = verify({ AUTH_JWKS_URL: `http://127.0.0.1:${port}/`, AUTH_SECRET: SECRET });
    const token = await new SignJWT({ role: 'explora', repos: ['a'] })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setSubject('s')
      .setExpirationTime('1h')
      .sign(privateKey);
    expect(await verifier.verify(token)).toMatchObject({ role: 'explora', repos: ['a'] });
    await expect(verifier.verify(await signToken('admin'))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    server.close();
    server.closeAllConnections();
  });
});

describe('API keys', () => {
  const ask = (key: string, libraryId?: string) =>
    pool.json('/v1/library/assignment', {
      token: key,
      headers: libraryId === undefined ? {} : { 'library-id': libraryId },
    });

  it('open the Repo they were made for, whose id may have dots', async () => {
    expect((await ask(apiKey, 'l-1')).body).toEqual({
      libraryId: 'l-1',
      assignment: null,
      pollMs: 10_000,
      heartbeatMs: 2_000,
    });
  });

  it('are refused when any part is wrong', async () => {
    const [, keyId = '', secret = ''] = /\.(k-\w+)\.(.*)$/.exec(apiKey) ?? [];
    const { apiKey: stranger } = createApiKey(repoId, { label: '', nowMs: 0 });
    const other = (await pool.repo('other')).apiKey;
    const otherSecret = other.slice(-43);
    for (const key of [
      'cnk_x',
      stranger,
      `cnk_${repoId}.${keyId}.${otherSecret}`,
      `cnk_nowhere.${keyId}.${secret}`,
      `cnk_${repoId}.k-0.${secret}`,
      await signToken('admin'),
    ])
      expect((await ask(key, 'l-1')).body.error.code).toBe('unauthenticated');
  });

  it('come with the id of the Library', async () => {
    expect((await ask(apiKey)).body.error.message).toContain('Library-Id');
    expect((await ask(apiKey, 'a b')).body.error.code).toBe('invalid_request');
  });
});
