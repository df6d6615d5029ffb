import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { encodeFrame } from '../../src/protocol/frame.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, modelFrame, ramp, TENSORS, TOPOLOGY } from '../helpers/open-round.js';
import { errorOf, rawHttp, request } from './raw.js';

let pool: TestGateway;
let admin: string;
let repoId: string;
let apiKey: string;
beforeAll(async () => {
  pool = await startGateway({
    env: {
      HEADER_TIMEOUT_MS: '300',
      BODY_IDLE_MS: '400',
      BODY_MIN_BYTES: '1000',
      MAX_HEADER_BYTES: '8192',
      MAX_PARAMETERS: '1000',
    },
  });
  admin = await signToken('admin', ['*']);
  ({ repoId, apiKey } = await pool.repo());
});
afterAll(async () => {
  // Whatever was sent: it still answers.
  expect((await pool.call('/readyz')).status).toBe(200);
  await pool.close();
});

const post = (body: string, headers: readonly string[] = []) =>
  rawHttp(pool.url, request('POST', '/v1/repos', { token: admin, body, headers }));

describe('requests that take their time', () => {
  it('are answered when their headers do not come', async () => {
    for (const start of ['', 'GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ']) {
      const later = start === '' ? [] : Array<string>(40).fill('a');
      const answer = await rawHttp(pool.url, start, { later, everyMs: 50 });
      expect(answer.status).toBe(408);
      expect(errorOf(answer)).toMatchObject({
        code: 'upload_interrupted',
        message: expect.stringContaining('300 ms (HEADER_TIMEOUT_MS)'),
      });
    }
  });

  it('are answered when their body stands still', async () => {
    const start = request('POST', '/v1/repos', { token: admin, headers: ['Content-Length: 100'] });
    const answer = await rawHttp(pool.url, `${start}{"repo`);
    expect(answer.status).toBe(408);
    expect(errorOf(answer).message).toContain('0.4 s (BODY_IDLE_MS)');
  });

  it('are answered when their body trickles', async () => {
    const start = request('POST', '/v1/repos', { token: admin, headers: ['Content-Length: 1000'] });
    const answer = await rawHttp(pool.url, start, { later: Array<string>(100).fill(' '), everyMs: 20 });
    expect(answer.status).toBe(408);
    expect(errorOf(answer).message).toContain('1000 bytes a second came (BODY_MIN_BYTES)');
  });

  it('are taken when they are slow but steady', async () => {
    const body = `${' '.repeat(1_200)}{"repoId":"${repoId}-slow"}`;
    const start = request('POST', '/v1/repos', { token: admin, headers: [`Content-Length: ${body.length}`] });
    const later = body.match(/.{1,80}/gs) ?? [];
    expect((await rawHttp(pool.url, start, { later, everyMs: 40 })).status).toBe(201);
  });
});

describe('what is too much', () => {
  it('of headers is refused with the limit', async () => {
    const answer = await rawHttp(
      pool.url,
      request('GET', '/livez', { headers: [`X-A: ${'a'.repeat(9_000)}`] }),
    );
    expect(answer.status).toBe(431);
    expect(errorOf(answer)).toMatchObject({
      code: 'headers_too_large',
      message: expect.stringContaining('8192 bytes (MAX_HEADER_BYTES)'),
    });
  });

  it('of JSON is refused by what is said of it, and by what comes', async () => {
    const said = await rawHttp(
      pool.url,
      request('POST', '/v1/repos', { token: admin, headers: ['Content-Length: 99999999'] }),
    );
    const chunk = `${(300_000).toString(16)}\r\n${' '.repeat(300_000)}\r\n`;
    const came = await rawHttp(
      pool.url,
      request('POST', '/v1/repos', { token: admin, headers: ['Transfer-Encoding: chunked'] }) + chunk,
    );
    for (const answer of [said, came])
      expect([answer.status, errorOf(answer).message]).toEqual([
        413,
        expect.stringContaining('262144 bytes (MAX_JSON_BYTES)'),
      ]);
  });

  it.each(['[', '{"a":'])('of depth is refused: %s', async (open) => {
    const answer = await post(open.repeat(40_000));
    expect([answer.status, errorOf(answer).message]).toEqual([
      400,
      expect.stringContaining('deeper than 100'),
    ]);
    // Brackets within a text are none.
    const flat = await post(JSON.stringify({ repoId: `${repoId}-x`, name: '[{'.repeat(50) + '\\"' }));
    expect(flat.status).toBe(open === '[' ? 201 : 409);
  });

  it('of depth in a topology is refused as well', async () => {
    let deep: object = {};
    for (let i = 0; i < 5_000; i++) deep = { a: deep };
    const header = `{"topology":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)},"tensors":${JSON.stringify(TENSORS)}}`;
    const frame = encodeFrame({}, new Uint8Array(0));
    const bytes = new Uint8Array(8 + header.length + 100);
    bytes.set(frame.subarray(0, 4));
    new DataView(bytes.buffer).setUint32(4, header.length, true);
    bytes.set(Buffer.from(header), 8);
    const answer = await pool.json(`/v1/repos/${repoId}/models`, { method: 'POST', body: bytes });
    expect([answer.status, answer.body.error.message]).toEqual([
      400,
      expect.stringContaining('deeper than 100'),
    ]);
  });

  it('of parameters is refused before they come', async () => {
    const tensors = [{ name: 'w', shape: [1001], dtype: 'float32' }];
    const body = encodeFrame({ topology: TOPOLOGY, tensors }, bytesOf(ramp(1001)));
    const answer = await pool.json(`/v1/repos/${repoId}/models`, { method: 'POST', body });
    expect([answer.status, answer.body.error.message]).toEqual([
      413,
      'The model has 1001 parameters; MAX_PARAMETERS of this pool is 1000.',
    ]);
  });
});

describe('framing', () => {
  const path = '/v1/repos';
  const head = (...headers: string[]) => request('POST', path, { token: admin, headers });
  const body = '{"repoId":"smuggled"}';
  const inner = request('GET', '/livez');

  test.each([
    [
      'length and chunks',
      head(`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked') + `0\r\n\r\n${inner}`,
    ],
    ['two lengths', head('Content-Length: 0', `Content-Length: ${body.length}`) + body],
    ['a list of lengths', head(`Content-Length: 5, 5`) + body],
    ['a negative length', head('Content-Length: -5') + body],
    ['a length with a sign', head('Content-Length: +5') + body],
    ['an endless length', head('Content-Length: 99999999999999999999999') + body],
    ['a length in hexadecimal', head('Content-Length: 0x15') + body],
    [
      'an encoding that is not chunked last',
      head('Transfer-Encoding: chunked, identity') + `0\r\n\r\n${inner}`,
    ],
    ['a chunk of no size', head('Transfer-Encoding: chunked') + `zz\r\n${body}\r\n0\r\n\r\n`],
    ['an endless chunk', head('Transfer-Encoding: chunked') + `fffffffffffffffff\r\n${body}`],
    ['a space before the colon', head('Content-Length : 0') + inner],
    ['a folded header', head('X-A: 1\r\n Content-Length: 0') + inner],
    ['a NUL in a header', head('X-A: a\0b') + inner],
    ['a bare line feed', `POST ${path} HTTP/1.1\nHost: pool\n\n`],
    ['no host', 'GET /livez HTTP/1.1\r\n\r\n'],
    ['another protocol', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
    ['a space in the path', 'GET /live z HTTP/1.1\r\nHost: pool\r\n\r\n'],
  ])('%s: one refusal, and nothing of the rest is taken for a request', async (_, text) => {
    const answer = await rawHttp(pool.url, text);
    expect(answer.status).toBe(400);
    expect(answer.all.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer.head).toMatch(/^connection: close/im);
    expect((await pool.json('/v1/repos/smuggled')).status).toBe(404);
  });

  it('takes nothing that is packed', async () => {
    const answer = await post(body, ['Content-Encoding: gzip']);
    expect([answer.status, errorOf(answer).message]).toEqual([
      400,
      expect.stringContaining('Content-Encoding'),
    ]);
  });
});

describe('what is in a body', () => {
  it('changes no prototype', async () => {
    for (const field of ['__proto__', 'constructor', 'prototype']) {
      const answer = await post(`{"repoId":"${repoId}-p","${field}":{"polluted":true,"name":"x"}}`);
      expect([answer.status, errorOf(answer).message]).toEqual([400, expect.stringContaining(field)]);
    }
    const nested = await post(`{"repoId":"${repoId}-p","limits":{"__proto__":{"models":1}}}`);
    expect(nested.status).toBe(400);
    const join = `{"datasets":[{"datasetId":"d","numExamples":1,"__proto__":{"polluted":true}}]}`;
    const headers = ['Library-Id: a'];
    const answer = await rawHttp(
      pool.url,
      request('POST', '/v1/library/join', { token: apiKey, body: join, headers }),
    );
    expect(answer.status).toBe(400);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is UTF-8', async () => {
    const start = Buffer.from(
      request('POST', '/v1/repos', { token: admin, headers: ['Content-Length: 14'] }),
    );
    const bytes = Buffer.concat([start, Buffer.from('{"repoId":"'), Buffer.from([0xff, 0x22, 0x7d])]);
    const answer = await rawHttp(pool.url, bytes);
    expect([answer.status, errorOf(answer).message]).toEqual([400, 'It is not valid UTF-8.']);
  });

  it.each([
    '../x',
    '.',
    'a/b',
    'a\\u0000b',
    'a:b',
    '{a}',
    'a b',
    'a\\r\\nb',
    'é',
    '',
    '*',
    '~pool',
    'a'.repeat(65),
  ])('is no id: "%s"', async (id) => {
    const answer = await post(`{"repoId":"${id}"}`);
    expect([answer.status, errorOf(answer).message]).toEqual([400, expect.stringContaining('"repoId"')]);
  });
});

describe('a path', () => {
  it.each([
    '..%2f..',
    '%2e%2e',
    '..',
    '%00',
    'a%00b',
    '%7b~pool%7d',
    'a%2Fb',
    'a%5cb',
    '%ff',
    '%',
    '%zz',
    'a%0d%0ab',
    '*',
  ])('leads nowhere else: %s', async (part) => {
    for (const path of [`/v1/repos/${part}`, `/v1/repos/${repoId}/models/${part}`, `/status/${part}`]) {
      const answer = await rawHttp(pool.url, request('GET', path, { token: admin }));
      expect([400, 404]).toContain(answer.status);
      expect(answer.head).not.toMatch(/^b/m);
    }
  });

  it('or header puts nothing of its own into the headers of an answer', async () => {
    const id = 'X-Request-Id: a%0d%0aX-Injected: 1';
    const answer = await rawHttp(
      pool.url,
      request('GET', '/livez?a=%0d%0aX-Injected:%201', { headers: [id] }),
    );
    expect(answer.status).toBe(200);
    expect(answer.head).not.toMatch(/^x-injected/im);
  });
});

describe('headers that come twice', () => {
  it('are not mixed up', async () => {
    const other = await pool.repo();
    const two = request('GET', '/v1/library/assignment', {
      token: apiKey,
      headers: [`Authorization: Bearer ${other.apiKey}`, 'Library-Id: a', 'Library-Id: b'],
    });
    const answer = await rawHttp(pool.url, two);
    expect([answer.status, errorOf(answer).message]).toEqual([400, expect.stringContaining('Library-Id')]);
    // The first one counts.
    const owner = await signToken('owner', [repoId]);
    const first = request('GET', `/v1/repos/${repoId}`, {
      token: owner,
      headers: [`Authorization: Bearer ${await signToken('admin')}`],
    });
    expect((await rawHttp(pool.url, first)).status).toBe(200);
    const second = request('GET', `/v1/repos/${other.repoId}`, {
      token: owner,
      headers: [`Authorization: Bearer ${await signToken('admin')}`],
    });
    expect((await rawHttp(pool.url, second)).status).toBe(403);
  });

  it('make no upload of another length', async () => {
    const frame = modelFrame();
    const head = request('POST', `/v1/repos/${repoId}/models`, {
      token: admin,
      headers: [`Content-Length: ${frame.length + 1}`],
    });
    const answer = await rawHttp(pool.url, Buffer.concat([Buffer.from(head), frame, Buffer.from('x')]));
    expect([answer.status, errorOf(answer).code]).toEqual([422, 'invalid_model']);
  });
});
