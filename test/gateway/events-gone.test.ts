import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import express, { type Request, type Response } from 'express';
import { createContext } from '../../src/gateway/create-context.js';
import { eventRoutes } from '../../src/gateway/http/events.js';
import { localKernels } from '../../src/gateway/intake/kernel-thread.js';
import { WorkQueues } from '../../src/redis/queues.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { startGateway } from '../helpers/gateway.js';
import { openRound } from '../helpers/open-round.js';

it('a stream of events ends when its client went away before it began', async () => {
  const pool = await startGateway();
  const { repoId, sessionId } = await openRound(pool, { a: 5 });
  const { config, stores, blobs } = pool;
  const log = createLogger({ level: 'silent', role: 'gateway', nodeId: 'test' });
  const models = { check: () => Promise.resolve(null), close: () => Promise.resolve() };
  const ctx = createContext(
    { config, stores, blobs, log, queues: new WorkQueues(stores.context) },
    { draining: new AbortController().signal, models, kernels: localKernels },
  );
  type Handler = (req: Request, res: Response, caller: object) => Promise<void>;
  const handlers: Handler[] = [];
  eventRoutes({ get: (_: string, handler: Handler) => handlers.push(handler) } as never, ctx);
  const ended = new Promise<void>((resolve, reject) => {
    const claims = { sub: 'test', role: 'admin', repos: [], exp: Date.now() / 1_000 + 60 };
    const app = express();
    app.get('/:sessionId', async (req, res) => {
      client.destroy();
      await once(res, 'close');
      handlers[0]?.(req, res, { repoId, claims }).then(resolve, reject);
    });
    server.on('request', app);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(`GET /${sessionId} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await ended;
  expect((await stores.sessions.get(repoId, sessionId)).record.state).toBe('running');
  await new Promise((resolve) => server.close(resolve));
  await ctx.queues.close();
  await pool.close();
});

const server = createServer();
