import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import { Server as SocketServer } from 'socket.io';
import { CloudNodeError, type ErrorCode } from '../../src/protocol/errors.js';
import { decodeFrame } from '../../src/protocol/frame.js';
import {
  updateHeader,
  type Assignment,
  type LibraryStatus,
  type UpdateHeader,
} from '../../src/protocol/library.js';
import { decodeUpdate } from '../../src/tensors/encoding.js';
import type { DownloadRef } from '../../src/protocol/model.js';
import { HalfEncoder } from '../../src/tensors/half-encoder.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export interface Put {
  readonly via: 'http' | 'socket';
  readonly header: UpdateHeader;
  readonly delta: Float32Array;
  /** Of the frame. */
  readonly bytes: number;
}

/** What all gateways of a pretended pool share. A test changes it and looks at it. */
export class FakePool {
  global = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  shardParams = 4;
  readonly topology = JSON.stringify({ class_name: 'Sequential', config: [] });
  pollMs = 60_000;
  assignment: Assignment | null = null;
  /** `library:join`, `assignment:…`, `GET /…`, in order. */
  readonly calls: string[] = [];
  readonly reasons: string[] = [];
  readonly puts: Put[] = [];
  readonly counted = new Map<string, UpdateHeader>();
  /** What happens to the next updates, one each; then they are counted. */
  readonly mishaps: ('lost before' | 'lost after' | ErrorCode)[] = [];
  /** Assignments do not tell that an update was received. */
  mute = false;
  refusal: CloudNodeError | null = null;
  tamper = false;

  /** Offers a round. Hinting is up to the test. */
  async offer(overrides: Partial<Assignment> = {}): Promise<Assignment> {
    const shards: string[] = [];
    for (let start = 0; start < this.global.length; start += this.shardParams) {
      shards.push(await sha256Hex(this.bytes().subarray(start * 4, (start + this.shardParams) * 4)));
    }
    this.assignment = {
      repoId: 'repo',
      sessionId: 's-1',
      round: 1,
      attempt: 1,
      state: 'offered',
      jobName: 'job',
      datasetId: 'data',
      hyperparams: {
        batchSize: 1,
        epochs: 1,
        shuffle: false,
        optimizer: { type: 'sgd', learningRate: 1 },
        loss: 'meanSquaredError',
        metrics: [],
        labelIndex: -1,
      },
      clipNorm: null,
      maxMagnitude: 1_000,
      encoding: 'f32',
      evaluate: false,
      version: 0,
      parameters: {
        scope: 's-1',
        version: 0,
        sha256: 'f'.repeat(64),
        shards,
        shardParams: this.shardParams,
        paramCount: this.global.length,
      },
      download: null,
      topologySha256: await sha256Hex(new TextEncoder().encode(this.topology)),
      remainingMs: 20_000,
      ...overrides,
    };
    return this.assignment;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.global.buffer);
  }

  /** The global model as f16. */
  halves(): Uint8Array {
    return new HalfEncoder().encode(this.bytes()) ?? new Uint8Array();
  }

  /** How to check {@link halves}. */
  async download(): Promise<DownloadRef> {
    const bytes = this.halves();
    const shards: string[] = [];
    for (let at = 0; at < bytes.length; at += this.shardParams * 2) {
      shards.push(await sha256Hex(bytes.subarray(at, at + this.shardParams * 2)));
    }
    return { encoding: 'f16', sha256: await rootHash(shards), shards };
  }

  status(): LibraryStatus {
    return { libraryId: 'library', assignment: this.assignment, pollMs: this.pollMs, heartbeatMs: 10_000 };
  }

  said(call: string): number {
    return this.calls.filter((c) => c === call).length;
  }

  settle(word: string, input: { reason?: string }): LibraryStatus {
    this.calls.push(`assignment:${word}`);
    if (input.reason !== undefined) this.reasons.push(input.reason);
    if (word === 'accept' && this.assignment !== null)
      this.assignment = { ...this.assignment, state: 'accepted' };
    if (word === 'decline' || word === 'fail') this.assignment = null;
    return this.status();
  }

  /** @returns the answer, or null when the connection is to break */
  put(frame: Uint8Array, via: Put['via']): object | null {
    const { header, payload } = decodeFrame(updateHeader, frame);
    const delta = decodeUpdate(payload, header.encoding, this.shardParams);
    this.puts.push({ via, header, delta, bytes: frame.length });
    const mishap = this.mishaps.shift();
    if (mishap === 'lost before') return null;
    if (mishap !== undefined && mishap !== 'lost after') {
      throw new CloudNodeError(mishap, 'as the test wished', { retryAfterMs: 50 });
    }
    const duplicate = this.counted.has(header.updateId);
    this.counted.set(header.updateId, header);
    if (this.assignment !== null && !this.mute) this.assignment = { ...this.assignment, state: 'received' };
    return mishap === 'lost after' ? null : { updateId: header.updateId, duplicate, received: 1, needed: 1 };
  }

  async gateway(): Promise<FakeGateway> {
    const gateway = new FakeGateway(this);
    await gateway.start();
    closing.push(() => gateway.stop());
    return gateway;
  }
}

type Ack = (answer: object) => void;

/** One gateway: real HTTP and Socket.IO, pretended content. */
export class FakeGateway {
  readonly #pool: FakePool;
  readonly #http: Server;
  readonly io: SocketServer;
  #stopped = false;

  constructor(pool: FakePool) {
    this.#pool = pool;
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.io = new SocketServer(this.#http, { transports: ['websocket'] });
    const namespace = this.io.of('/library');
    namespace.use((socket, next) => {
      pool.calls.push('connect');
      if (pool.refusal === null) return next();
      return next(Object.assign(new Error(pool.refusal.message), { data: pool.refusal.toWire() }));
    });
    namespace.on('connection', (socket) => {
      const reply = (ack: Ack, answer: () => object | null): void => {
        try {
          const content = answer();
          if (content === null) socket.disconnect(true);
          else ack({ ok: true, ...content });
        } catch (error) {
          ack({ ok: false, error: CloudNodeError.from(error).toWire() });
        }
      };
      for (const event of ['library:join', 'assignment:get']) {
        socket.on(event, (input, ack: Ack) => {
          pool.calls.push(event);
          reply(ack, () => pool.status());
        });
      }
      for (const word of ['accept', 'decline', 'fail']) {
        socket.on(`assignment:${word}`, (input, ack: Ack) => reply(ack, () => pool.settle(word, input)));
      }
      socket.on('assignment:progress', (input, ack: Ack) => reply(ack, () => ({})));
      socket.on('update:put', (frame: Uint8Array, ack: Ack) => reply(ack, () => pool.put(frame, 'socket')));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get clients(): number {
    return this.io.of('/library').sockets.size;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
  }

  hint(): void {
    this.io.of('/library').emit('library:hint', { reason: 'assignment' });
  }

  drain(reconnectWithinMs: number): void {
    this.io.of('/library').emit('server:draining', { reconnectWithinMs });
  }

  /** Dies: connections break, nobody listens any more. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#http.closeAllConnections();
    await this.io.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pool = this.#pool;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = request.url ?? '';
    const json = (content: object): void => void response.end(JSON.stringify(content));
    try {
      if (request.headers['authorization'] !== 'Bearer key' || request.headers['library-id'] !== 'library') {
        throw new CloudNodeError('unauthenticated', 'who are you?');
      }
      pool.calls.push(`${request.method} ${url}`);
      const word = /^\/v1\/library\/assignment\/(\w+)$/.exec(url)?.[1];
      if (word !== undefined) return json(pool.settle(word, JSON.parse(body.toString()) as object));
      if (url === '/v1/library/update') {
        const answer = pool.put(body, 'http');
        return answer === null ? void request.socket.destroy() : json(answer);
      }
      if (url.includes('/topologies/')) return void response.end(pool.topology);
      const half = url.endsWith('?encoding=f16');
      const bytes = Buffer.from(half ? pool.halves() : pool.bytes().slice());
      if (pool.tamper) bytes[17]! ^= 1;
      return void response.end(bytes);
    } catch (error) {
      const known = CloudNodeError.from(error);
      response.statusCode = known.status;
      return json({ error: known.toWire() });
    }
  }
}
