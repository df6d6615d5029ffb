import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import { Server as SocketServer, type Socket } from 'socket.io';
import { CloudNodeError } from '../../src/protocol/errors.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly response: ServerResponse;
}

/** Answers with JSON, with bytes, or by itself through `response` when it returns undefined; a thrown error is sent. */
export type Handler = (request: FakeRequest) => unknown;

export class FakeGateway {
  readonly requests: FakeRequest[] = [];
  readonly io: SocketServer;
  readonly #http: Server;
  #stopped = false;

  private constructor(handler: Handler) {
    this.#http = createServer((request, response) => {
      void this.#answer(handler, request, response);
    });
    this.io = new SocketServer(this.#http, { transports: ['websocket'] });
  }

  static async start(handler: Handler, onSocket: (socket: Socket) => void = () => {}): Promise<FakeGateway> {
    const gateway = new FakeGateway(handler);
    gateway.io.of('/explora').on('connection', onSocket);
    await new Promise<void>((resolve) => gateway.#http.listen(0, '127.0.0.1', resolve));
    closing.push(() => gateway.stop());
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Requests as `METHOD /path`. */
  get log(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#http.closeAllConnections();
    await this.io.close();
  }

  async #answer(handler: Handler, message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = message;
    const request = { method, path: url, headers, body: Buffer.concat(chunks), response };
    this.requests.push(request);
    try {
      const answer = await handler(request);
      if (answer instanceof Uint8Array) response.end(answer);
      else if (answer !== undefined) response.end(JSON.stringify(answer));
    } catch (error) {
      const known = CloudNodeError.from(error);
      response.statusCode = known.status;
      response.end(JSON.stringify({ error: known.toWire() }));
    }
  }
}
