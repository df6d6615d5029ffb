import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { trackRequests } from '../../src/gateway/open-requests.js';
import { MAX_QUEUED, QueuedAnswers } from '../../src/gateway/limits/queued-answers.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway } from '../helpers/gateway.js';
import { port } from './raw.js';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

it('requests that wait behind another on their connection end with it', async () => {
  const server = createServer();
  new QueuedAnswers().watch(server);
  const requests = trackRequests(server, new AbortController().signal);
  // Nothing is answered before the client is gone.
  const closed: string[] = [];
  server.on('request', (req, res) => res.once('close', () => closed.push(req.url ?? '')));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(['/a', '/b', '/c'].map(get).join(''));
  await eventually(() => requests.count === 3);
  socket.destroy();
  await eventually(() => requests.count === 0);
  expect(closed).toEqual(['/a', '/b', '/c']);
  await new Promise((resolve) => server.close(resolve));
});

it('requests that are sent ahead are answered in order up to a limit; and nobody keeps answers by not reading', async () => {
  const pool = await startGateway({ env: { STRANGER_MS: '300' } });
  const socket = connect(port(pool.url), '127.0.0.1');
  let all = '';
  socket.on('data', (chunk) => (all += chunk.toString('latin1')));
  const sent = MAX_QUEUED * 4;
  socket.write(get('/livez').repeat(sent));
  const statuses = (): string[] => [...all.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? '');
  await eventually(() => statuses().length === sent);
  const firstRefused = statuses().indexOf('429');
  expect(firstRefused).toBeGreaterThanOrEqual(MAX_QUEUED);
  expect(all).toContain(`More than ${MAX_QUEUED} requests on this connection`);

  // More than the kernel keeps for whoever reads nothing.
  const lazy = connect({ port: port(pool.url), host: '127.0.0.1' }).pause();
  lazy.on('error', () => undefined);
  const flood = setInterval(() => lazy.write(get('/v1/openapi.json').repeat(MAX_QUEUED)), 5);
  await new Promise((resolve) => lazy.once('close', resolve)).finally(() => clearInterval(flood));
  socket.destroy();
  await pool.close();
});
