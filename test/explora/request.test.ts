import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs, DEFAULT_BACKOFF } from '../../src/protocol/client/backoff.js';
import { NoAnswerError } from '../../src/protocol/client/no-answer.js';
import { ApiClient, baseUrls } from '../../src/protocol/client/request.js';
import { socketUrl } from '../../src/protocol/client/socket-url.js';
import { SseParser } from '../../src/explora/sse.js';
import { CloudNodeError, type ErrorCode } from '../../src/protocol/errors.js';
import { FakeGateway, type Handler } from './fake-gateway.js';

let NOWHERE = '';
beforeAll(async () => {
  const gone = await FakeGateway.start(() => undefined);
  NOWHERE = gone.url;
  await gone.stop();
});

function client(urls: string | string[]): ApiClient {
  // The first URL first.
  return new ApiClient({
    urls,
    headers: () => ({ 'x-who': 'me' }),
    backoff: { baseMs: 5, maxMs: 20, random: () => 0 },
  });
}

/** Fails so many times, then answers. */
function failing(code: ErrorCode, times: number, retryAfterMs?: number): Handler {
  let left = times;
  return () => {
    if (left-- > 0)
      throw new CloudNodeError(code, 'not yet', retryAfterMs === undefined ? {} : { retryAfterMs });
    return { fine: true };
  };
}

describe('ApiClient', () => {
  it('goes on to the next gateway when one does not answer, and stays there', async () => {
    const gateway = await FakeGateway.start(() => ({ fine: true }));
    const api = client([NOWHERE, gateway.url]);
    expect(await api.json({ path: '/a' })).toEqual({ fine: true });
    await api.json({ path: '/b', method: 'POST', json: { x: 1 } });
    expect(gateway.log).toEqual(['GET /a', 'POST /b']);
    expect(gateway.requests[1]?.headers).toMatchObject({ 'x-who': 'me', 'content-type': 'application/json' });
  });

  it('repeats what may be repeated, waiting as long as the pool asks', async () => {
    const gateway = await FakeGateway.start(failing('redis_unavailable', 2, 60));
    const startMs = performance.now();
    expect(await client(gateway.url).json({ path: '/' })).toEqual({ fine: true });
    expect(performance.now() - startMs).toBeGreaterThan(115);
    expect(gateway.log).toHaveLength(3);
  });

  it('does not repeat what cannot succeed', async () => {
    const gateway = await FakeGateway.start(failing('invalid_job', 1));
    const error = await client(gateway.url)
      .json({ path: '/' })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CloudNodeError);
    expect(error).toMatchObject({ code: 'invalid_job', message: 'not yet', status: 422 });
    expect(gateway.log).toHaveLength(1);
  });

  it('gives up after so many tries', async () => {
    const error = await client(NOWHERE)
      .json({ path: '/x', attempts: 3 })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NoAnswerError);
    expect((error as Error).message).toMatch(/No answer from http.+\/x: .*ECONNREFUSED/);
  });

  it('repeats what must not happen twice only when it did not happen', async () => {
    const broken = await FakeGateway.start(({ response }) => void response.destroy());
    const request = { method: 'POST', path: '/', json: {}, idempotent: false } as const;
    await expect(client(broken.url).json(request)).rejects.toBeInstanceOf(NoAnswerError);
    const crashed = await FakeGateway.start(failing('internal', 1));
    await expect(client(crashed.url).json(request)).rejects.toMatchObject({ code: 'internal' });
    const busy = await FakeGateway.start(failing('storage_full', 1, 1));
    expect(await client([NOWHERE, busy.url]).json(request)).toEqual({ fine: true });
    expect([broken, crashed, busy].map(({ log }) => log.length)).toEqual([1, 1, 2]);
  });

  it('takes an error page of a proxy for no answer, and a cut body too', async () => {
    let tries = 0;
    const gateway = await FakeGateway.start(({ response }) => {
      tries += 1;
      if (tries === 1) response.writeHead(502).end('<html>Bad Gateway</html>');
      else if (tries === 2) response.end('{"fine":');
      else return { fine: true };
      return undefined;
    });
    expect(await client(gateway.url).json({ path: '/' })).toEqual({ fine: true });
  });

  it('does not wait for ever', async () => {
    const silent = await FakeGateway.start(() => undefined);
    const error = client(silent.url).json({ path: '/', attempts: 2, idleMs: 30 });
    await expect(error).rejects.toThrow(/Nothing came/);
    expect(silent.log).toHaveLength(2);
  });

  it('goes to another gateway when an answer does not begin', async () => {
    const silent = await FakeGateway.start(() => undefined);
    const fine = await FakeGateway.start(() => ({ fine: true }));
    const request = { path: '/', answerMs: 50 };
    expect(await client([silent.url, fine.url]).json(request)).toEqual({ fine: true });
    // What must not happen twice waits as long as it may.
    const once = { ...request, method: 'POST', idempotent: false, idleMs: 60 } as const;
    await expect(client(silent.url).json(once)).rejects.toThrow(/Nothing came for 0.06 s/);
    expect([silent, fine].map(({ log }) => log.length)).toEqual([2, 1]);
  });

  it('waits longer in each try for an answer to begin', async () => {
    let tries = 0;
    const slow = await FakeGateway.start(({ response }) => {
      // The first two tries get nothing; the third, with four times the patience, gets it late.
      if (++tries === 3) setTimeout(() => response.end('{"fine":true}'), 100);
      return undefined;
    });
    expect(await client(slow.url).json({ path: '/', answerMs: 60 })).toEqual({ fine: true });
    expect(tries).toBe(3);
  });

  it('is not kept by a server that accepts and closes at once', async () => {
    const door = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    try {
      const fine = await FakeGateway.start(() => ({ fine: true }));
      const { port } = door.address() as AddressInfo;
      const both = client([`http://127.0.0.1:${port}`, fine.url]);
      const answers = Array.from({ length: 20 }, () => both.json({ path: '/', answerMs: 200 }));
      expect(await Promise.all(answers)).toEqual(Array(20).fill({ fine: true }));
    } finally {
      door.close();
    }
  });

  it('stops at once when it is told to', async () => {
    const silent = await FakeGateway.start(() => undefined);
    for (const url of [silent.url, NOWHERE]) {
      const controller = new AbortController();
      const answer = client(url).json({ path: '/', attempts: Infinity, signal: controller.signal });
      setTimeout(() => controller.abort(new Error('enough')), 30);
      await expect(answer).rejects.toThrow('enough');
    }
  });
});

it('base URLs lose their trailing slash; none or nonsense is refused', () => {
  expect(baseUrls(['http://a:1/', 'https://b/pool/'])).toEqual(['http://a:1', 'https://b/pool']);
  expect(() => baseUrls([])).toThrow(/at least one/);
  expect(() => baseUrls('nonsense')).toThrow(/Invalid URL/);
  expect(socketUrl('https://b/pool', '/library')).toEqual({
    url: 'https://b/library',
    path: '/pool/socket.io',
  });
});

it('backoff grows, is spread, bounded, and honours what the pool asked for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, r) => {
        const waitMs = backoffMs(attempt, { ...DEFAULT_BACKOFF, random: () => r }, 100);
        const capMs = Math.min(20_000, 500 * 2 ** (attempt - 1));
        expect(waitMs).toBeGreaterThanOrEqual(100 + capMs * 0.1);
        expect(waitMs).toBeLessThanOrEqual(100 + capMs);
      },
    ),
  );
});

it('the SSE parser does not care where the text is cut', () => {
  const text = ': ping\n\nid: 1-0\nevent: a\ndata: {"x":1}\n\nid: 2-0\r\ndata: one\r\ndata: two\r\n\r\n';
  const whole = new SseParser().push(text);
  expect(whole).toEqual([
    { id: '1-0', event: 'a', data: '{"x":1}' },
    { id: '2-0', event: 'message', data: 'one\ntwo' },
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
      const parser = new SseParser();
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      const events = places.slice(1).flatMap((end, i) => parser.push(text.slice(places[i], end)));
      expect(events).toEqual(whole);
    }),
  );
});
