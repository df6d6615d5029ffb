/**
 * Starts the Redis servers of the suite, once: a plain one and a cluster of one node, which refuses what a real cluster
 * would (keys of one script in two slots, keys not declared). Neither keeps anything. Jest runs this file outside of
 * its module system, where `./x.js` does not resolve to TypeScript: it imports only Node.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What teardown has to end, kept on `globalThis` because the two files share no module. */
export interface SuiteServers {
  readonly folder: string;
  readonly children: readonly ChildProcess[];
}
declare global {
  var suiteServers: SuiteServers | undefined;
}

const READY_WITHIN_MS = 20_000;
const CLUSTER = [
  '--cluster-enabled',
  'yes',
  '--cluster-announce-ip',
  '127.0.0.1',
  '--cluster-require-full-coverage',
  'no',
];

export default async function globalSetup(): Promise<void> {
  // Installs one when a test is run by hand on a fresh machine; tests that start servers find it by this name too.
  process.env['REDIS_SERVER_BIN'] ??= execFileSync(process.execPath, ['scripts/lib/redis-binary.mjs'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  // Nothing may meet the server of whoever runs the tests.
  delete process.env['REDIS_URL'];

  const folder = mkdtempSync(path.join(tmpdir(), 'cloud-node-test-'));
  const [port = 0, clusterPort = 0, busPort = 0] = await freePorts(3);
  const plain = start(path.join(folder, 'plain'), ['--port', String(port)]);
  const cluster = start(path.join(folder, 'cluster'), [
    ...['--port', String(clusterPort), '--cluster-port', String(busPort)],
    ...CLUSTER,
  ]);
  globalThis.suiteServers = { folder, children: [plain, cluster] };

  await until(plain, port, { ask: 'PING', answer: '+PONG' });
  await until(cluster, clusterPort, { ask: 'PING', answer: '+PONG' });
  await until(cluster, clusterPort, { ask: 'CLUSTER ADDSLOTSRANGE 0 16383', answer: '+OK' });
  await until(cluster, clusterPort, { ask: 'CLUSTER INFO', answer: 'cluster_state:ok' });
  process.env['TEST_REDIS_URL'] = `redis://127.0.0.1:${port}`;
  process.env['TEST_REDIS_CLUSTER_URL'] = `redis://127.0.0.1:${clusterPort}`;
}

function start(dir: string, args: readonly string[]): ChildProcess {
  mkdirSync(dir);
  const common = [
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
    '--daemonize',
    'no',
  ];
  const log = ['--logfile', path.join(dir, 'redis.log'), '--maxmemory-policy', 'noeviction'];
  return spawn(process.env['REDIS_SERVER_BIN'] ?? 'redis-server', [...common, ...log, ...args], {
    stdio: 'ignore',
  });
}

/** Repeats the command until the answer has come. */
async function until(
  server: ChildProcess,
  port: number,
  want: { ask: string; answer: string },
): Promise<void> {
  const deadlineMs = Date.now() + READY_WITHIN_MS;
  let last = 'no answer';
  while (Date.now() < deadlineMs && server.exitCode === null) {
    last = await ask(port, want.ask);
    if (last.includes(want.answer)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const log = path.join(server.spawnargs[server.spawnargs.indexOf('--logfile') + 1] ?? '');
  throw new Error(
    `Redis for the tests: ${want.ask} gave "${last}"\n${readFileSync(log, 'utf8').slice(-2000)}`,
  );
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

/** Held open together, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
