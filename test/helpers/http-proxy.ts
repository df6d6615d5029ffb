import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';

/** What happens to a request: goes through, an answer of its own, silence, or an answer that breaks off. */
export type Fate = 'pass' | 'hang' | 'break' | { status: number; body?: string };

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpProxy {
  readonly port: number;
  readonly seen: Seen[];
  /** Decides about each request to come. */
  fate: (request: Seen) => Fate;
}

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server of trouble between a client and an HTTP server on this machine; gone after the test. */
export async function startHttpProxy(target: { port: number }): Promise<HttpProxy> {
  const server = createServer((req, res) => {
    const seen = { method: req.method ?? '', path: req.url ?? '', headers: req.headers };
    proxy.seen.push(seen);
    const fate = proxy.fate(seen);
    if (fate === 'hang') return void req.resume();
    if (typeof fate === 'object') {
      req.resume().once('end', () => res.writeHead(fate.status).end(fate.body));
      return;
    }
    const { method, headers, url } = req;
    const passed = request({ host: '127.0.0.1', port: target.port, method, headers, path: url }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      if (fate === 'pass') answer.pipe(res);
      else
        answer.once('data', (chunk: Buffer) => {
          res.write(chunk.subarray(0, chunk.length >> 1), () => res.destroy());
          answer.destroy();
        });
    });
    passed.once('error', () => res.destroy());
    req.pipe(passed);
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: HttpProxy = { port: (server.address() as AddressInfo).port, seen: [], fate: () => 'pass' };
  return proxy;
}
