import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { rawHttp, rawSocket, port, type RawSocket } from './raw.js';
import { connect, type Socket } from 'node:net';

let pool: TestGateway;
let apiKey: string;
let honest: RawSocket;
beforeAll(async () => {
  pool = await startGateway({ env: { STRANGER_MS: '500', STRANGER_BYTES: '2048' } });
  ({ apiKey } = await pool.repo());
  honest = await library('honest');
});
afterAll(async () => {
  // Whatever the others sent.
  expect(await call(honest, 'assignment:get', '{}')).toMatchObject({ ok: true, assignment: null });
  honest.ws.terminate();
  await pool.close();
});

async function library(libraryId: string): Promise<RawSocket> {
  const socket = await rawSocket(pool.url);
  socket.ws.send(`40/library,${JSON.stringify({ apiKey, libraryId, protocolVersion: 1 })}`);
  await socket.message('40/library,');
  return socket;
}

let ids = 100;
async function call(socket: RawSocket, event: string, json: string): Promise<Json> {
  const id = ids++;
  socket.ws.send(`42/library,${id}["${event}",${json}]`);
  const answer = await socket.message(`43/library,${id}[`);
  return (JSON.parse(answer.slice(answer.indexOf('['))) as [Json])[0];
}

describe('a socket without credentials', () => {
  it('is ended soon when it says nothing', async () => {
    const startedMs = performance.now();
    const socket = await rawSocket(pool.url);
    await socket.closed;
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  it('is ended when its credentials are wrong, however often it tries', async () => {
    const socket = await rawSocket(pool.url);
    const bad = JSON.stringify({ apiKey: 'cnk_x', libraryId: 'a', protocolVersion: 1 });
    socket.ws.send(`40/library,${bad}`);
    expect(await socket.message('44/library,')).toContain('unauthenticated');
    const again = setInterval(() => socket.ws.send(`40/library,${bad}`), 50);
    await socket.closed.finally(() => clearInterval(again));
  });

  it('may send little, and is told how much', async () => {
    const socket = await rawSocket(pool.url);
    socket.ws.send(`40/library,${JSON.stringify({ apiKey: 'a'.repeat(4_000) })}`);
    expect(await socket.closed).toEqual({
      code: 1008,
      reason: 'Only 2048 bytes before valid credentials (STRANGER_BYTES).',
    });
  });

  it('may send more once it has shown them', async () => {
    const socket = await library('talker');
    const reason = 'x'.repeat(400);
    for (let i = 0; i < 10; i++) {
      const answer = await call(
        socket,
        'assignment:decline',
        `{"sessionId":"s","round":1,"attempt":1,"reason":"${reason}"}`,
      );
      expect(answer.error.code).toBe('round_closed');
    }
    socket.ws.terminate();
  });
});

it('a socket that left its namespace is ended like one that never was in any', async () => {
  const socket = await library('leaver');
  socket.ws.send('41/library,');
  await socket.closed;
});

describe('packets that are none', () => {
  const placeholder = (num: string) => `["update:put",{"_placeholder":true,"num":${num}}]`;
  test.each([
    ['nothing', ''],
    ['no type', 'x'],
    ['no namespace', '42/nowhere,["a"]'],
    ['no event', '42/library,1[]'],
    ['an event that is no text', '42/library,1[{"a":1}]'],
    ['a reserved event', '42/library,1["disconnect"]'],
    ['broken JSON', '42/library,1["library:join",{'],
    ['deep JSON', `42/library,1["library:join",${'['.repeat(100_000)}`],
    [
      'deep JSON with attachments',
      `451-/library,1["update:put",${'['.repeat(100_000)}${']'.repeat(100_000)}]`,
    ],
    ['a placeholder of nothing', `451-/library,1${placeholder('7')}`],
    ['a placeholder below nothing', `451-/library,1${placeholder('-1')}`],
    ['a placeholder of a prototype', `451-/library,1${placeholder('"__proto__"')}`],
    ['a million attachments', `451000000-/library,1${placeholder('0')}`],
    ['attachments that never come', `459-/library,1${placeholder('0')}`],
    ['an answer to nothing', '43/library,5[{"ok":true}]'],
    ['an id beyond all numbers', `42/library,${'9'.repeat(400)}["assignment:get",{}]`],
  ])('%s: ends that connection at most', async (_, text) => {
    const socket = await library(`odd-${randomBytes(4).toString('hex')}`);
    socket.ws.send(text);
    socket.ws.send(Buffer.from([1, 2, 3]));
    socket.ws.send('42/library,77["assignment:get",{}]');
    await Promise.race([socket.closed, socket.message('43/library,77[')]);
    socket.ws.terminate();
    expect(await call(honest, 'assignment:get', '{}')).toMatchObject({ ok: true });
  });

  it('pollute no prototype', async () => {
    const socket = await library('polluter');
    const answer = await call(
      socket,
      'library:join',
      '{"datasets":[{"datasetId":"d","numExamples":1}],"__proto__":{"polluted":1}}',
    );
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_request' } });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    socket.ws.terminate();
  });

  it('are frames of bytes where an event takes text, and text where it takes a frame', async () => {
    const socket = await library('mixed');
    socket.ws.send('451-/library,5["library:join",{"_placeholder":true,"num":0}]');
    socket.ws.send(Buffer.from('bytes'));
    expect(await socket.message('43/library,5[')).toContain('invalid_request');
    expect(await call(socket, 'update:put', '"text"')).toMatchObject({ error: { code: 'invalid_frame' } });
    socket.ws.terminate();
  });
});

describe('frames that are none', () => {
  /** A connection that was upgraded, and nothing else. */
  async function upgraded(): Promise<{ socket: Socket; ended: Promise<string> }> {
    const socket = connect(port(pool.url), '127.0.0.1');
    let all = '';
    const ended = new Promise<string>((resolve) => socket.on('close', () => resolve(all)));
    const ready = new Promise<void>((resolve) =>
      socket.on('data', (chunk) => {
        all += chunk.toString('latin1');
        if (all.includes('"sid"')) resolve();
      }),
    );
    socket.on('error', () => undefined);
    socket.write(
      [
        'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
        'Host: pool',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        'Sec-WebSocket-Extensions: permessage-deflate',
        '\r\n',
      ].join('\r\n'),
    );
    await ready;
    // Nothing is unpacked.
    expect(all).not.toMatch(/permessage-deflate/i);
    return { socket, ended };
  }
  const masked = (first: number, length: number[], payload: number[] = []) =>
    Buffer.from([first, (length[0] ?? 0) | 0x80, ...length.slice(1), 0, 0, 0, 0, ...payload]);

  test.each([
    ['not masked', Buffer.from([0x81, 0x01, 0x32])],
    ['of a huge length', masked(0x81, [127, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['of a length beyond the limit', masked(0x82, [127, 0, 0, 0, 0, 0x10, 0, 0, 0])],
    ['with reserved bits', masked(0xf1, [1], [0x32])],
    ['of an unknown kind', masked(0x83, [1], [0x32])],
    ['that go on with nothing', masked(0x80, [1], [0x32])],
    ['of control in pieces', masked(0x09, [1], [0x32])],
    ['of control too long', masked(0x89, [126, 1, 0], Array<number>(256).fill(0))],
    ['of broken UTF-8', masked(0x81, [2], [0xc3, 0x28])],
    ['that close with a wrong code', masked(0x88, [2], [0, 1])],
  ])('%s: the connection is closed', async (_, bytes) => {
    const { socket, ended } = await upgraded();
    socket.write(bytes);
    await ended;
  });

  it('in endless pieces end at the limit', async () => {
    const { socket, ended } = await upgraded();
    socket.write(masked(0x01, [1], [0x34]));
    const pieces = setInterval(
      () => socket.write(masked(0x00, [126, 1, 0], Array<number>(256).fill(0x61))),
      5,
    );
    await ended.finally(() => clearInterval(pieces));
  });
});

it('polling is not spoken', async () => {
  const text = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: pool\r\nConnection: close\r\n\r\n';
  expect((await rawHttp(pool.url, text)).status).toBe(400);
});
