import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metricsText } from '../telemetry/metrics.js';
import type { PoolDeps } from './pool-deps.js';

export interface HealthServer {
  /** Not ready any more, still alive. */
  drain(): void;
  close(): Promise<void>;
}

/** /livez (the event loop turns), /readyz (Redis answers and not draining) and /metrics; nothing without a port. */
export async function startHealthServer(port: number | undefined, deps: PoolDeps): Promise<HealthServer> {
  if (port === undefined) return { drain: () => undefined, close: () => Promise.resolve() };
  let draining = false;
  const isReady = async (): Promise<boolean> =>
    !draining && (await deps.stores.context.redis.ping()) === 'PONG';
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === '/livez') response.end('ok\n');
      else if (request.url === '/metrics') response.end(await metricsText());
      else if (request.url === '/readyz') {
        const ready = await Promise.race([
          isReady(),
          new Promise<boolean>((resolve) => setTimeout(resolve, 2_000, false).unref()),
        ]);
        response.writeHead(ready ? 200 : 503).end(ready ? 'ok\n' : 'not ready\n');
      } else response.writeHead(404).end();
    };
    answer().catch(() => response.writeHead(503).end('not ready\n'));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
  deps.log.info({ port: (server.address() as AddressInfo).port }, 'health server listens');
  return {
    drain: () => {
      draining = true;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
