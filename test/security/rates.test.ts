import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingMessage } from 'node:http';
import { blockOf, clientAddress } from '../../src/gateway/limits/address.js';
import { Rates } from '../../src/gateway/limits/rates.js';
import { type CloudNodeError } from '../../src/protocol/errors.js';
import { testContext } from '../helpers/context.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { uniqueId } from '../helpers/namespace.js';
import { SERVERS } from '../helpers/servers.js';
import { rawHttp, rawSocket, request } from './raw.js';

/** Slow to fill, so that a test does not have to be fast. */
const ENV = {
  RATE_PER_KEY: '3',
  RATE_PER_TOKEN: '4',
  RATE_PER_ADDRESS: '5',
  RATE_BURST_S: '4',
};
let base: TestGateway;
let first: TestGateway;
let second: TestGateway;
let repoId: string;
let apiKey: string;
beforeAll(async () => {
  // Without limits, for what the tests are not about.
  base = await startGateway();
  ({ repoId, apiKey } = await base.repo());
  const env = { ...ENV, TRUST_PROXY: '1' };
  first = await startGateway({ like: base, env });
  second = await startGateway({ like: base, env });
});
afterAll(async () => {
  await second.close();
  await first.close();
  await base.close();
});

/** How many of so many requests, at one gateway and the other in turn, were let through. */
async function passed(
  count: number,
  one: (gateway: TestGateway) => Promise<{ status: number }>,
): Promise<number> {
  let ok = 0;
  for (let i = 0; i < count; i++) {
    const { status } = await one(i % 2 === 0 ? first : second);
    if (status !== 429) ok++;
  }
  return ok;
}

let addresses = 0;
/** Of somebody who was not seen before. */
const newAddress = () => `X-Forwarded-For: 198.51.100.${++addresses}`;
const newSubject = () => signToken('owner', [repoId], { subject: uniqueId('sub') });

describe('requests over the rate', () => {
  it('of a token are refused by all gateways together, with the limit and a time to wait', async () => {
    const token = await signToken('owner', [repoId]);
    const ask = (gateway: TestGateway) =>
      rawHttp(gateway.url, request('GET', `/v1/repos/${repoId}`, { token, headers: [newAddress()] }));
    const startedMs = performance.now();
    const ok = await passed(40, ask);
    const seconds = (performance.now() - startedMs) / 1_000;
    expect(ok).toBeGreaterThanOrEqual(16);
    expect(ok).toBeLessThanOrEqual(16 + 4 * seconds + 2);
    const refused = await ask(first);
    expect(refused.status).toBe(429);
    expect(refused.head).toMatch(/^retry-after: [12]$/im);
    expect(refused.body).toContain(
      '4 requests and events a second of this subject (RATE_PER_TOKEN), 16 at once',
    );
    // Somebody else is not held up by it.
    const other = request('GET', `/v1/repos/${repoId}`, {
      token: await newSubject(),
      headers: [newAddress()],
    });
    expect((await rawHttp(first.url, other)).status).toBe(200);
  });

  it('of a key are refused over HTTP and sockets together', async () => {
    const headers = () => ['Library-Id: a', newAddress()];
    const ok = await passed(10, (gateway) =>
      rawHttp(gateway.url, request('GET', '/v1/library/assignment', { token: apiKey, headers: headers() })),
    );
    expect(ok).toBe(10);
    const socket = await rawSocket(second.url);
    socket.ws.send(`40/library,${JSON.stringify({ apiKey, libraryId: 'b', protocolVersion: 1 })}`);
    await socket.message('40/library,');
    let refused = '';
    for (let id = 0; id < 30 && refused === ''; id++) {
      socket.ws.send(`42/library,${id}["assignment:get",{}]`);
      const answer = await socket.message(`43/library,${id}[`);
      if (answer.includes('"ok":false')) refused = answer;
    }
    expect(refused).toContain('rate_limited');
    expect(refused).toContain('RATE_PER_KEY');
    expect(refused).toContain('retryAfterMs');
    socket.ws.terminate();
  });

  it('of an address without credentials are refused before anything is looked up', async () => {
    const address = newAddress();
    const headers = [address];
    const guess = (gateway: TestGateway) =>
      rawHttp(gateway.url, request('GET', `/v1/repos/${repoId}`, { token: 'guess', headers }));
    const ok = await passed(40, guess);
    expect(ok).toBeGreaterThanOrEqual(20);
    expect(ok).toBeLessThan(40);
    expect((await guess(first)).body).toContain('RATE_PER_ADDRESS');
    // What the client writes itself, further left, is no other address.
    const disguised = [
      'X-Forwarded-For: 203.0.113.9',
      `X-Forwarded-For: 203.0.113.8, ${address.split(' ')[1]}`,
    ];
    const asAnother = request('GET', '/livez', { headers: disguised });
    expect((await rawHttp(first.url, asAnother)).status).toBe(429);
    expect((await rawHttp(first.url, request('GET', '/livez', { headers: [newAddress()] }))).status).toBe(
      200,
    );
  });

  it('of those who have credentials do not count for their address', async () => {
    const headers = [newAddress()];
    // Each on a connection of its own, from one address, with subjects that stay below their rate.
    for (let i = 0; i < 40; i++) {
      const token = await newSubject();
      expect(
        (await rawHttp(first.url, request('GET', `/v1/repos/${repoId}`, { token, headers }))).status,
      ).toBe(200);
    }
  });
});

describe('an address', () => {
  const of = (proxies: number, forwarded?: string, remoteAddress = '10.0.0.1') =>
    clientAddress(
      { headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress } } as unknown as IncomingMessage,
      proxies,
    );

  it('is the peer, unless there are proxies', () => {
    expect(of(0, '1.2.3.4')).toBe('10.0.0.1');
    expect(of(1, '1.2.3.4')).toBe('1.2.3.4');
    expect(of(1, '6.6.6.6, 1.2.3.4')).toBe('1.2.3.4');
    expect(of(2, '6.6.6.6, 1.2.3.4, 10.0.0.7')).toBe('1.2.3.4');
    expect(of(3, '1.2.3.4')).toBe('1.2.3.4');
    expect(of(1)).toBe('10.0.0.1');
  });

  it('is that of a customer', () => {
    expect(blockOf('::ffff:10.1.2.3')).toBe('10.1.2.3');
    expect(blockOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(blockOf('2001:0DB8::1')).toBe('2001:db8:0:0::/64');
    expect(blockOf('::1')).toBe('0:0:0:0::/64');
    expect(blockOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(blockOf('')).toBe('');
  });
});

describe.each(SERVERS)('the buckets in $server', ({ cluster }) => {
  it('never give more than they hold and what came in since, and then say when', async () => {
    const { stores } = await testContext({ cluster });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
        async (perSecond, burst, wishes) => {
          const of = uniqueId('of');
          const startedMs = performance.now();
          let given = 0;
          for (const wanted of wishes) {
            const { tokens, waitMs } = await stores.rates.take('key', of, { perSecond, burst, wanted });
            expect(tokens).toBeGreaterThanOrEqual(0);
            expect(tokens).toBeLessThanOrEqual(wanted);
            expect(waitMs > 0).toBe(tokens === 0);
            expect(waitMs).toBeLessThanOrEqual(1_000 / perSecond + 1);
            given += tokens;
          }
          const came = (perSecond * (performance.now() - startedMs + 2)) / 1_000;
          expect(given).toBeLessThanOrEqual(burst + came);
          expect(given).toBeGreaterThanOrEqual(
            Math.min(
              burst,
              wishes.reduce((sum, wanted) => sum + wanted, 0),
            ),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are gone when they are full again', async () => {
    const { stores, prefix } = await testContext({ cluster });
    await stores.rates.take('key', 'a', { perSecond: 100, burst: 100, wanted: 50 });
    const masters =
      'nodes' in stores.context.redis ? stores.context.redis.nodes('master') : [stores.context.redis];
    const [found] = (await Promise.all(masters.map((node) => node.keys(`${prefix}:*`)))).flat();
    expect(found).toMatch(/\{~rate:[\w-]{22}\}:key$/);
    const leftMs = await stores.context.redis.pttl(found ?? '');
    expect(leftMs).toBeGreaterThan(1_000);
    expect(leftMs).toBeLessThanOrEqual(1_500);
  });

  it('are asked for many requests at once', async () => {
    const { stores } = await testContext({ cluster });
    let asked = 0;
    const counting = {
      take: (...input: Parameters<typeof stores.rates.take>) => {
        asked++;
        return stores.rates.take(...input);
      },
    } as typeof stores.rates;
    const config = { RATE_PER_KEY: 1_000, RATE_PER_TOKEN: 0, RATE_PER_ADDRESS: 1, RATE_BURST_S: 1 };
    const rates = new Rates(counting, config as ConstructorParameters<typeof Rates>[1]);
    const of = uniqueId('of');
    for (let i = 0; i < 500; i++) await rates.take('key', of);
    expect(asked).toBeLessThanOrEqual(20);
    await Promise.all(Array.from({ length: 300 }, () => rates.take('key', of)));
    expect(asked).toBeLessThanOrEqual(30);
    const more = Array.from({ length: 2_000 }, () =>
      rates.take('key', of).then(
        () => 'ok',
        (error: CloudNodeError) => error.code,
      ),
    );
    const outcomes = await Promise.all(more);
    expect(outcomes.filter((outcome) => outcome === 'ok').length).toBeLessThan(2_000);
    expect(new Set(outcomes)).toContain('rate_limited');
    // A refusal is remembered: it costs nothing to repeat it.
    const before = asked;
    await Promise.allSettled(Array.from({ length: 100 }, () => rates.take('key', of)));
    expect(asked - before).toBeLessThanOrEqual(10);
    // No limit, no bucket.
    for (let i = 0; i < 100; i++) await rates.take('token', of);
    expect(asked - before).toBeLessThanOrEqual(10);
  });
});
