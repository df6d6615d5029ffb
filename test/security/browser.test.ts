import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { connectRaw } from './raw-socket.js';
import { jwt } from './world.js';

const CLINIC = 'https://clinic.example';
let closed: TestGateway;
let named: TestGateway;
let open: TestGateway;
beforeAll(async () => {
  closed = await startGateway();
  named = await startGateway({ like: closed, env: { CORS_ORIGINS: `${CLINIC},https://two.example:8443` } });
  open = await startGateway({ like: closed, env: { CORS_ORIGINS: '*' } });
});
afterAll(async () => {
  for (const gateway of [open, named, closed]) await gateway.close();
});

/** As bytes on the wire: `fetch` would not let a test choose its origin everywhere. */
function ask(gateway: TestGateway, method: string, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) => {
      const sent = request(`${gateway.url}${path}`, { method, headers }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      });
      sent.once('error', reject).end();
    },
  );
}

describe('a page of another origin', () => {
  const preflight = (gateway: TestGateway, origin: string) =>
    ask(gateway, 'OPTIONS', '/v1/library/join', { origin, 'access-control-request-method': 'POST' });

  it('may call when the pool names it, and otherwise not', async () => {
    const yes = await preflight(named, CLINIC);
    expect(yes.status).toBe(204);
    expect(yes.headers).toMatchObject({ 'access-control-allow-origin': CLINIC, vary: 'Origin' });
    expect(yes.headers['access-control-allow-headers']).toContain('Library-Id');
    const answer = await ask(named, 'GET', '/livez', { origin: 'https://two.example:8443' });
    expect(answer.headers['access-control-allow-origin']).toBe('https://two.example:8443');
    expect((await preflight(open, 'https://any.example')).status).toBe(204);

    for (const [gateway, origin] of [
      [named, 'https://clinic.example.evil'],
      [named, 'http://clinic.example'],
      [named, 'https://two.example'],
      [named, 'null'],
      [closed, CLINIC],
    ] as const) {
      const no = await preflight(gateway, origin);
      expect([origin, no.status]).toEqual([origin, 403]);
      expect(JSON.parse(no.text).error.message).toContain('CORS_ORIGINS');
      const read = await ask(gateway, 'GET', '/livez', { origin });
      expect([no, read].map(({ headers }) => headers['access-control-allow-origin'])).toEqual([
        undefined,
        undefined,
      ]);
    }
    // Never cookies.
    expect(yes.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('opens a socket when the pool names it, or when it is of the pool itself', async () => {
    const auth = { token: jwt({ role: 'admin' }), protocolVersion: 1 };
    const connect = (gateway: TestGateway, origin?: string) =>
      connectRaw(gateway.url, '/explora', auth, origin === undefined ? {} : { origin }).then(
        ({ handshake }) => handshake.ok,
        (error: Error) => error.message,
      );
    const refused = 'Unexpected server response: 400';
    expect(await connect(closed)).toBe(true);
    expect(await connect(closed, closed.url)).toBe(true);
    expect(await connect(closed, CLINIC)).toBe(refused);
    expect(await connect(closed, 'null')).toBe(refused);
    expect(await connect(named, CLINIC)).toBe(true);
    expect(await connect(named, 'https://other.example')).toBe(refused);
    expect(await connect(open, 'https://other.example')).toBe(true);
  });
});

it('every answer has the headers that keep a browser from being used against its user', async () => {
  const secret = { authorization: `Bearer ${jwt({ role: 'admin' })}` };
  for (const [path, headers] of [
    ['/livez', {}],
    ['/v1/pool', secret],
    ['/v1/pool', {}],
    ['/v1/nothing', {}],
    ['/%', {}],
  ] as const) {
    const answer = await ask(closed, 'GET', path, headers);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': expect.stringMatching(/^max-age=\d{7,}/),
      'content-security-policy': expect.stringMatching(/default-src 'self'.*object-src 'none'/),
    });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
  }
});
