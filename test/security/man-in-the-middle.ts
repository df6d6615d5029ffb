import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import { WebSocket, WebSocketServer, type RawData } from 'ws';

/** Somebody on the line who reads everything, and changes what the pool says. */
export interface ManInTheMiddle {
  readonly url: string;
  /** Requests that came through, as `POST /v1/proof`. */
  readonly requests: string[];
  /** Every header and every word of the client. */
  readonly heard: string[];
  /** The answer to a request that the client gets in its place. */
  answer: (path: string, body: Buffer, status: number) => Buffer | { status: number; body: string };
  /** What the client is told on the socket in place of a word of the pool. */
  word: (text: string) => string;
  /** Ends all sockets. */
  cut(): void;
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A real proxy for HTTP and WebSockets before a gateway; gone after the test. */
export async function startManInTheMiddle(target: string): Promise<ManInTheMiddle> {
  const server = createServer((req, res) => void passOn(req, res));
  const sockets = new WebSocketServer({ noServer: true });
  const self: ManInTheMiddle = {
    url: await listen(server),
    requests: [],
    heard: [],
    answer: (_path, body) => body,
    word: (text) => text,
    cut: () => {
      for (const client of sockets.clients) client.terminate();
    },
  };
  open.push(() => {
    self.cut();
    server.close();
    server.closeAllConnections();
  });

  const passOn = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '', headers } = req;
    self.requests.push(`${method} ${url}`);
    self.heard.push(JSON.stringify(headers));
    const sent = await bytesOf(req);
    const passed = request(`${target}${url}`, { method, headers }, (answer) => {
      void bytesOf(answer).then((body) => {
        const changed = self.answer(url, body, answer.statusCode ?? 502);
        const out = Buffer.isBuffer(changed) ? changed : Buffer.from(changed.body);
        const status = Buffer.isBuffer(changed) ? (answer.statusCode ?? 502) : changed.status;
        const { 'content-length': _, 'transfer-encoding': __, ...kept } = answer.headers;
        res.writeHead(status, { ...kept, 'content-length': out.length }).end(out);
      });
    });
    passed.once('error', () => res.destroy());
    passed.end(sent);
  };

  server.on('upgrade', (req, socket, head) => {
    const upstream = new WebSocket(`${target.replace('http', 'ws')}${req.url ?? ''}`);
    upstream.once('error', () => socket.destroy());
    upstream.once('open', () =>
      sockets.handleUpgrade(req, socket, head, (client) => {
        client.on('message', (data, isBinary) => {
          if (!isBinary) self.heard.push(textOf(data));
          upstream.send(data, { binary: isBinary });
        });
        upstream.on('message', (data, isBinary) =>
          client.send(isBinary ? data : self.word(textOf(data)), { binary: isBinary }),
        );
        client.once('close', () => upstream.terminate());
        upstream.once('close', () => client.terminate());
      }),
    );
  });
  return self;
}

/** A server that is no pool: answers everything with what `answer` says, and remembers what it was told. */
export async function startImpostor(
  answer: (path: string, body: Buffer) => object,
): Promise<{ url: string; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((req, res) => {
    heard.push(`${req.method} ${req.url} ${JSON.stringify(req.headers)}`);
    void bytesOf(req).then((body) => {
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify(answer(req.url ?? '', body)));
    });
  });
  server.on('upgrade', (req, socket) => {
    heard.push(`UPGRADE ${req.url}`);
    socket.destroy();
  });
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: await listen(server), heard };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : Buffer.concat(data as Buffer[]).toString();
}
