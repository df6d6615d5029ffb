/**
 * Starts the Redis servers of the suite, once: a plain one, and a cluster of three masters. Neither keeps anything.
 * `TEST_REDIS=cluster` makes the cluster the one that tests get who do not ask for either (test/helpers/servers.ts).
 * Jest runs this file outside of its module system, where `./x.js` does not resolve to TypeScript: it imports only Node.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** What teardown has to end, kept on `globalThis` because the two files share no module. */
export interface SuiteServers {
  readonly folder: string;
  readonly children: readonly ChildProcess[];
}
declare global {
  var suiteServers: SuiteServers | undefined;
}

const READY_WITHIN_MS = 20_000;

export default async function globalSetup(): Promise<void> {
  // Installs one when a test is run by hand on a fresh machine; tests that start servers find it by this name too.
  process.env['REDIS_SERVER_BIN'] ??= execFileSync(process.execPath, ['scripts/lib/redis-binary.mjs'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  // Nothing may meet the server of whoever runs the tests.
  delete process.env['REDIS_URL'];
  delete process.env['REDIS_CLUSTER'];

  const folder = mkdtempSync(path.join(tmpdir(), 'cloud-node-test-'));
  const port = await freePort();
  const plain = startPlain(folder, port);
  const cluster = spawn(process.execPath, ['scripts/redis-cluster.mjs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  globalThis.suiteServers = { folder, children: [plain, cluster] };

  const [url] = await Promise.all([clusterUrl(cluster), untilReady(plain, { port, folder })]);
  process.env['TEST_REDIS_URL'] = `redis://127.0.0.1:${port}`;
  process.env['TEST_REDIS_CLUSTER_URL'] = url;
}

function startPlain(dir: string, port: number): ChildProcess {
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--logfile', 'redis.log'],
    ...['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--daemonize', 'no'],
  ];
  return spawn(process.env['REDIS_SERVER_BIN'] ?? 'redis-server', args, { stdio: 'ignore' });
}

async function clusterUrl(cluster: ChildProcess): Promise<string> {
  if (cluster.stdout === null) throw new Error('The cluster of the suite has no output.');
  const lines = createInterface({ input: cluster.stdout });
  const ended = once(cluster, 'exit').then(() =>
    Promise.reject(new Error('The cluster of the suite ended.')),
  );
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  ended.catch(() => undefined);
  return (JSON.parse(line) as { url: string }).url;
}

async function untilReady(server: ChildProcess, at: { port: number; folder: string }): Promise<void> {
  const deadlineMs = Date.now() + READY_WITHIN_MS;
  let last = 'no answer';
  while (Date.now() < deadlineMs && server.exitCode === null) {
    last = await ask(at.port, 'PING');
    if (last.includes('+PONG')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const log = readFileSync(path.join(at.folder, 'redis.log'), 'utf8').slice(-2000);
  throw new Error(`Redis for the tests: PING gave "${last}"\n${log}`);
}

function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(`${command}\r\n`));
    const settle = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(1_000, () => settle('no answer'));
    socket.once('error', (error) => settle(error.message));
    socket.once('data', (chunk) => settle(chunk.toString('latin1')));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
