import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Library } from '../../library/index.js';

export interface Health {
  readonly port: number;
  close(): Promise<void>;
}

/** /livez, /readyz (connected to the pool) and /metrics of a Library, for whatever watches it. */
export async function startHealth(port: number, library: Library, numExamples: number): Promise<Health> {
  const rounds = new Map<string, number>();
  library.on('round', ({ outcome }) => rounds.set(outcome, (rounds.get(outcome) ?? 0) + 1));
  const isReady = (): boolean => !['new', 'connecting', 'stopped'].includes(library.state);
  const metrics = (): string =>
    [
      '# TYPE cloud_node_library_connected gauge',
      `cloud_node_library_connected ${isReady() ? 1 : 0}`,
      '# TYPE cloud_node_library_examples gauge',
      `cloud_node_library_examples ${numExamples}`,
      '# TYPE cloud_node_library_rounds_total counter',
      ...[...rounds].map(([outcome, n]) => `cloud_node_library_rounds_total{outcome="${outcome}"} ${n}`),
      '',
    ].join('\n');
  const server = createServer(({ url }, response) => {
    if (url === '/livez') response.end('ok\n');
    else if (url === '/readyz') response.writeHead(isReady() ? 200 : 503).end(`${library.state}\n`);
    else if (url === '/metrics')
      response.setHeader('content-type', 'text/plain; version=0.0.4').end(metrics());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
