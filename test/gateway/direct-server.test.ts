import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { directBody } from '../../src/gateway/direct/direct-request.js';
import { DirectServer } from '../../src/gateway/direct/direct-server.js';
import { ByteSource } from '../../src/gateway/intake/byte-source.js';
import { eventually } from '../helpers/eventually.js';

const PATH = '/upload';
const LARGE = 300_000;
const IDLE_MS = 300;

interface Seen {
  readonly direct: boolean;
  readonly sha256: string;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Reads the body in pieces of this size, into a memory that threads could share, and says what came. */
async function digest(req: IncomingMessage, pieceBytes: number): Promise<Seen> {
  const body = directBody(req);
  if (body === null) {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    return { direct: false, sha256: sha256(Buffer.concat(chunks)) };
  }
  const source = new ByteSource((events) => body.listen(events), { idleMs: IDLE_MS, minBytesPerSecond: 0 });
  const memory = new Uint8Array(new SharedArrayBuffer(pieceBytes));
  const hash = createHash('sha256');
  for (;;) {
    const got = await source.readInto(memory);
    hash.update(Uint8Array.from(memory.subarray(0, got)));
    if (got < pieceBytes) break;
  }
  source.release();
  return { direct: true, sha256: hash.digest('hex') };
}

describe('a server that reads bodies into memory', () => {
  let server: DirectServer;
  let port: number;
  let pieceBytes: number;
  let answer: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  let failures: unknown[];

  beforeEach(async () => {
    pieceBytes = 65_536;
    failures = [];
    answer = async (req, res) => void res.end(JSON.stringify(await digest(req, pieceBytes)));
    server = new DirectServer({ keepAliveTimeout: 2_000 }, new Set([PATH]), { pendingBytes: 1.5 * LARGE });
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      answer(req, res).catch((error: unknown) => {
        failures.push(error);
        res.destroy();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  /** A connection on which raw requests are written and their answers read, one after the other. */
  function open(): { socket: Socket; answers: (count: number) => Promise<Seen[]> } {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const found = (): Seen[] =>
      [...text.matchAll(/\r\n\r\n(\{[^}]*\})/g)].map((match) => JSON.parse(match[1] ?? '') as Seen);
    const answers = async (count: number): Promise<Seen[]> => {
      await eventually(() => expect(found()).toHaveLength(count));
      return found();
    };
    return { socket, answers };
  }
  const head = (method: string, bytes: number, more = ''): string =>
    `${method} ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n${more}\r\n`;
  const put = (body: Uint8Array): Buffer => Buffer.concat([Buffer.from(head('PUT', body.length)), body]);

  it('ends connections with their answers while more is on its way than may be', async () => {
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let waiting = 0;
    answer = async (req, res) => {
      waiting++;
      await held;
      res.end(JSON.stringify(await digest(req, pieceBytes)));
    };
    const body = randomBytes(LARGE);
    const [first, second] = [open(), open()];
    first.socket.write(put(body));
    await eventually(() => waiting === 1);
    second.socket.write(put(body));
    await eventually(() => waiting === 2);
    go();
    const ended = once(second.socket, 'end');
    expect(await second.answers(1)).toEqual([{ direct: true, sha256: sha256(body) }]);
    await ended;
    // The other one was within it, and when they are gone a new one is too.
    for (const { socket, answers } of [first, open()]) {
      for (let count = 1; count <= 3; count++) {
        if (socket !== first.socket || count > 1) socket.write(put(body));
        expect(await answers(count)).toHaveLength(count);
      }
      expect(socket.readableEnded).toBe(false);
      socket.destroy();
    }
  });

  it('reads each of many bodies whole, whatever pieces they come in, on one connection', async () => {
    const bodies = fc.array(fc.integer({ min: 0, max: LARGE }), { minLength: 1, maxLength: 4 });
    const cuts = fc.array(fc.integer({ min: 1, max: LARGE }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(bodies, cuts, fc.integer({ min: 1_000, max: 400_000 }), async (lengths, at, piece) => {
        pieceBytes = piece;
        const contents = lengths.map((length) => randomBytes(length));
        const wire = Buffer.concat(contents.map(put));
        const { socket, answers } = open();
        socket.setNoDelay(true);
        let sent = 0;
        for (const cut of [...at.sort((a, b) => a - b), wire.length]) {
          if (cut <= sent) continue;
          await new Promise((resolve) => socket.write(wire.subarray(sent, cut), resolve));
          await new Promise(setImmediate);
          sent = cut;
        }
        const seen = await answers(contents.length);
        socket.destroy();
        expect(seen.map((one) => one.sha256)).toEqual(contents.map(sha256));
      }),
      { numRuns: 40 },
    );
    expect(failures).toEqual([]);
  });

  it('takes requests of all kinds in turn over one connection that is kept', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async (method: string, path: string, body?: Uint8Array): Promise<Seen & { kept: string }> => {
      const req = request({ port, path, method, agent, headers: { 'content-length': body?.length ?? 0 } });
      req.end(body);
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(chunk as Buffer);
      const seen = JSON.parse(Buffer.concat(chunks).toString()) as Seen;
      return { ...seen, kept: String(res.headers['keep-alive']) };
    };
    const large = randomBytes(LARGE);
    const small = randomBytes(500);
    for (let turn = 0; turn < 3; turn++) {
      expect(await ask('PUT', PATH, large)).toEqual({
        direct: true,
        sha256: sha256(large),
        kept: 'timeout=2',
      });
      expect(await ask('POST', PATH, large)).toMatchObject({ direct: false, sha256: sha256(large) });
      expect(await ask('PUT', '/other', large)).toMatchObject({ direct: false, sha256: sha256(large) });
      expect(await ask('PUT', PATH, small)).toMatchObject({ direct: false, sha256: sha256(small) });
      expect(await ask('GET', '/other')).toMatchObject({ direct: false });
      expect(await ask('PUT', PATH, large)).toMatchObject({ direct: true, sha256: sha256(large) });
    }
    expect(await connections()).toBe(1);
    agent.destroy();
    await eventually(async () => expect(await connections()).toBe(0));
  });

  const connections = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));

  it('answers requests that were sent ahead in their order', async () => {
    let go: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (go = resolve));
    const read = answer;
    answer = async (req, res) => {
      if (req.url === '/slow') await slow;
      await read(req, res);
    };
    const body = randomBytes(LARGE);
    const { socket, answers } = open();
    const first = Buffer.from('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    const last = Buffer.from('GET /last HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.write(Buffer.concat([first, put(body), put(body), last]));
    go();
    const seen = await answers(4);
    expect(seen.map((one) => one.sha256)).toEqual([
      sha256(Buffer.alloc(0)),
      sha256(body),
      sha256(body),
      sha256(Buffer.alloc(0)),
    ]);
    socket.destroy();
  });

  it('leaves what says more of the connection to Node', async () => {
    const body = randomBytes(LARGE);
    for (const more of ['Connection: close\r\n', 'Expect: 100-continue\r\n']) {
      const { socket, answers } = open();
      socket.write(head('PUT', body.length, more));
      socket.write(body);
      expect(await answers(1)).toEqual([{ direct: false, sha256: sha256(body) }]);
      socket.destroy();
    }
  });

  it('ends the connection after an answer that did not wait for the body', async () => {
    answer = (_req, res) => Promise.resolve(void res.end('{}'));
    const { socket, answers } = open();
    socket.write(head('PUT', LARGE));
    await answers(1);
    if (!socket.readableEnded) await once(socket, 'end');
    socket.destroy();
    await eventually(async () => expect(await connections()).toBe(0));
  });

  it('breaks off when the sender goes away, or stands still', async () => {
    const gone = open();
    gone.socket.write(head('PUT', LARGE));
    gone.socket.write(randomBytes(100_000), () => gone.socket.destroy());
    await eventually(() => expect(failures).toMatchObject([{ code: 'upload_interrupted' }]));
    const still = open();
    still.socket.write(head('PUT', LARGE));
    still.socket.write(randomBytes(100_000));
    await eventually(() => expect(failures).toHaveLength(2));
    expect(String(failures[1])).toContain('BODY_IDLE_MS');
    still.socket.destroy();
  });

  it('never writes into memory that it has given back', async () => {
    const memory = new Uint8Array(LARGE);
    let done: () => void = () => undefined;
    const discarded = new Promise<void>((resolve) => (done = resolve));
    answer = async (req, res) => {
      const body = directBody(req);
      const source = new ByteSource((events) => body?.listen(events) ?? null, {
        idleMs: 100,
        minBytesPerSecond: 0,
      });
      await source.readInto(memory).catch(() => undefined);
      source.release();
      // Somebody else's from now on.
      memory.fill(7);
      await body?.discard();
      done();
      res.end('{}');
    };
    const { socket, answers } = open();
    socket.write(head('PUT', LARGE));
    socket.write(randomBytes(100_000));
    await discarded;
    socket.write(randomBytes(LARGE - 100_000));
    await answers(1);
    if (!socket.readableEnded) await once(socket, 'end');
    socket.destroy();
    expect(memory.every((byte) => byte === 7)).toBe(true);
  });

  it('lets a connection become a WebSocket after an upload', async () => {
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (req: IncomingMessage, socket: Socket, first: Buffer) =>
      sockets.handleUpgrade(req, socket, first, (webSocket) =>
        webSocket.on('message', (data) => webSocket.send(data as Buffer)),
      ),
    );
    const { socket, answers } = open();
    socket.write(put(randomBytes(LARGE)));
    await answers(1);
    socket.removeAllListeners('data');
    const options: object = { createConnection: () => socket };
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}/`, options);
    await once(webSocket, 'open');
    expect(await connections()).toBe(1);
    for (const bytes of [10, 100_000, 2_000_000]) {
      const message = randomBytes(bytes);
      webSocket.send(message);
      const [data] = (await once(webSocket, 'message')) as [Buffer];
      expect(sha256(data)).toBe(sha256(message));
    }
    webSocket.terminate();
  });

  it('ends a connection that is to become what nobody speaks', async () => {
    const { socket } = open();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await once(socket, 'close');
    expect(failures).toEqual([]);
  });

  it('lets go of idle connections when it is asked to, and by itself after a while', async () => {
    const body = randomBytes(LARGE);
    for (const end of [() => server.closeIdleConnections(), () => undefined]) {
      const { socket, answers } = open();
      socket.write(put(body));
      await answers(1);
      end();
      if (!socket.readableEnded) await once(socket, 'end');
      await eventually(async () => expect(await connections()).toBe(0));
    }
  });
});
