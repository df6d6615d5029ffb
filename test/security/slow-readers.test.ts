import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { endSlowReaders } from '../../src/gateway/limits/slow-readers.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { port, request } from './raw.js';

const BODY_IDLE_MS = 500;
/** More than the kernel keeps on its way. */
const LARGE_BYTES = 2 ** 24;

interface Client {
  readonly socket: Socket;
  /** The other end of it. */
  readonly served: Socket;
}

/** Reads nothing until it is told to. */
async function ask(toPort: number, text: string): Promise<Client> {
  const served = new Promise<Socket>((resolve) => {
    const accept = (message: unknown): void => {
      unsubscribe('http.server.request.start', accept);
      resolve((message as { socket: Socket }).socket);
    };
    subscribe('http.server.request.start', accept);
  });
  const socket = connect(toPort, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  socket.write(text);
  return { socket, served: await served };
}

/** Reads on until the other side ends it or so many bytes came. @returns how many came */
async function read({ socket }: Client, untilBytes = Infinity, pauseEveryMiBMs = 0): Promise<number> {
  let bytes = 0;
  let pausedAt = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= untilBytes) break;
    if (bytes - pausedAt < 2 ** 20) continue;
    pausedAt = bytes;
    await sleep(pauseEveryMiBMs);
  }
  return bytes;
}

describe('who has credentials and does not read', () => {
  let pool: TestGateway;
  let text: string;
  beforeAll(async () => {
    pool = await startGateway({ env: { BODY_IDLE_MS: String(BODY_IDLE_MS), SHARD_PARAMS: String(2 ** 18) } });
    const { repoId } = await pool.repo();
    const { name, topology, tensors, weights } = denseModel(2_047, LARGE_BYTES / 4 / 2_048);
    const body = encodeFrame({ name, topology, tensors }, new Uint8Array(weights.buffer));
    const headers = { 'Content-Type': 'application/octet-stream' };
    const made = await pool.json(`/v1/repos/${repoId}/models`, { method: 'POST', body, headers });
    expect(made.status).toBe(201);
    const token = await signToken('explora', [repoId]);
    text = request('GET', `/v1/repos/${repoId}/models/${made.body.modelId}/weights`, { token });
  });
  afterAll(() => pool.close());

  it('loses the connection in the middle of a download', async () => {
    const client = await ask(port(pool.url), text);
    await once(client.served, 'close');
    expect(await read(client)).toBeLessThan(LARGE_BYTES);
  });

  it('keeps it as long as it reads on, and afterwards', async () => {
    const client = await ask(port(pool.url), text);
    const startedMs = performance.now();
    expect(await read(client, LARGE_BYTES, 100)).toBeGreaterThanOrEqual(LARGE_BYTES);
    expect(performance.now() - startedMs).toBeGreaterThan(BODY_IDLE_MS * 2);
    await sleep(BODY_IDLE_MS * 2);
    client.socket.write(text);
    expect(await read(client, LARGE_BYTES)).toBeGreaterThanOrEqual(LARGE_BYTES);
    client.socket.destroy();
  });
});

describe('an answer that is whole', () => {
  async function serve(answer: RequestListener): Promise<{ port: number; close: () => void }> {
    const server = createServer();
    endSlowReaders(server, { idleMs: BODY_IDLE_MS, isKnown: () => true });
    server.on('request', answer);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
  }

  it.each([
    ['alone', ['/large']],
    ['behind another', ['/small', '/large']],
  ])('is not kept for a client that reads nothing: %s', async (_name, paths) => {
    const server = await serve((req, res) => res.end(Buffer.alloc(req.url === '/large' ? LARGE_BYTES : 1)));
    const client = await ask(server.port, paths.map((path) => request('GET', path)).join(''));
    await once(client.served, 'close');
    client.socket.destroy();
    server.close();
  });

  it('may take its time to come', async () => {
    const server = await serve((_req, res) => void setTimeout(() => res.end('late'), BODY_IDLE_MS * 2));
    const client = await ask(server.port, request('GET', '/') + request('GET', '/'));
    let all = '';
    client.socket.on('data', (chunk: Buffer) => (all += chunk.toString())).resume();
    while (all.split('late').length < 3) await once(client.socket, 'data');
    client.socket.destroy();
    server.close();
  });
});
