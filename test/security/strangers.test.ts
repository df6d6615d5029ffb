import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { port, rawHttp, request } from './raw.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function gateway(env: Record<string, string>): Promise<TestGateway> {
  const pool = await startGateway({ env: { HEADER_TIMEOUT_MS: '20000', ...env } });
  open.push(() => pool.close());
  return pool;
}

interface Held {
  readonly socket: Socket;
  readonly heard: () => string;
}

/** Connects, sends this, and stays. */
async function hold(pool: TestGateway, text = ''): Promise<Held> {
  const socket = connect(port(pool.url), '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk.toString())).on('error', () => undefined);
  open.push(() => socket.destroy());
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return { socket, heard: () => heard };
}

const isOpen = ({ socket }: Held) => socket.readyState === 'open';

describe('connections that show no credentials', () => {
  it('give way to newer ones, with the limit, and keep nobody out', async () => {
    const pool = await gateway({ MAX_STRANGERS_PER_ADDRESS: '10' });
    const held: Held[] = [];
    for (let i = 0; i < 30; i++) held.push(await hold(pool, i % 2 === 0 ? '' : 'GET /livez HTTP/1.1\r\nX: '));
    await eventually(() => held.filter(isOpen).length <= 10);
    expect(held.slice(20).every(isOpen)).toBe(true);
    expect(held[0]?.heard()).toMatch(/^HTTP\/1\.1 429 /);
    expect(held[0]?.heard()).toContain('10 newer ones of one address wait (MAX_STRANGERS_PER_ADDRESS)');
    expect((await pool.json('/v1/pool')).status).toBe(200);
  });

  it('give way in all as well', async () => {
    const pool = await gateway({ MAX_STRANGERS: '5' });
    const held: Held[] = [];
    for (let i = 0; i < 12; i++) held.push(await hold(pool));
    await eventually(() => held.filter(isOpen).length <= 5);
    expect(held[0]?.heard()).toContain('5 newer ones in all wait (MAX_STRANGERS)');
  });

  it('are not those that have shown some', async () => {
    const pool = await gateway({ MAX_STRANGERS_PER_ADDRESS: '3' });
    const { repoId, apiKey } = await pool.repo();
    const text = request('GET', '/v1/library/assignment', { token: apiKey, headers: ['Library-Id: a'] });
    const known = await hold(pool, text);
    await eventually(() => known.heard().includes('"assignment":null'));
    for (let i = 0; i < 10; i++) await hold(pool);
    known.socket.write(text);
    await eventually(() => known.heard().split('"assignment":null').length === 3);
    // Who asks without credentials, or with wrong ones, stays a stranger.
    const strangers: Held[] = [];
    for (const token of ['', 'wrong', apiKey.slice(0, -1)]) {
      const path = token === '' ? `/status/${repoId}` : '/v1/library/assignment';
      const stranger = await hold(pool, request('GET', path, { token, headers: ['Library-Id: a'] }));
      await eventually(() => stranger.heard().includes('HTTP/1.1'));
      strangers.push(stranger);
    }
    for (let i = 0; i < 10; i++) await hold(pool);
    await eventually(() => strangers.filter(isOpen).length === 0);
    expect(isOpen(known)).toBe(true);
  });

  it('are kept for a shorter time', async () => {
    const pool = await gateway({ STRANGER_MS: '200' });
    const stranger = await hold(pool, request('GET', '/livez'));
    await eventually(() => stranger.heard().includes('200 OK'));
    await eventually(() => !isOpen(stranger), { withinMs: 3_000 });
  });
});

it('more connections than there may be are told so', async () => {
  const pool = await gateway({ MAX_CONNECTIONS: '5' });
  for (let i = 0; i < 5; i++) await hold(pool);
  const answer = await rawHttp(pool.url, request('GET', '/livez'));
  expect([answer.status, answer.body]).toEqual([429, expect.stringContaining('(MAX_CONNECTIONS)')]);
});
