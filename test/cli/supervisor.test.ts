import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort, requireFreePorts } from '../../src/cli/ports.js';
import { isAlive } from '../../src/cli/redis-process.js';
import { startPool, type Pool, type PoolOptions } from '../../src/cli/supervisor.js';
import { eventually } from '../helpers/eventually.js';

/** Says that it is ready, then does nothing until it is told to end. */
const GOOD = `
  console.error(JSON.stringify({ msg: 'hello', port: process.env.PORT }));
  process.on('SIGTERM', () => { console.error('drained'); process.exit(0); });
  process.once('disconnect', () => process.exit(0));
  console.log('not json');
  console.log(JSON.stringify({ ready: true, url: process.env.PORT && 'http://127.0.0.1:' + process.env.PORT }));
  setInterval(() => {}, 1000);
`;
const BAD = `console.error('REDIS_URL: cannot be reached'); process.exit(69);`;
const DEAF = GOOD.replace(/process\.on\('SIGTERM'.*\n/, `process.on('SIGTERM', () => {});\n`);

describe('startPool', () => {
  let dataDir: string;
  let pool: Pool | undefined;
  let log: string[];
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'cn-pool-'));
    log = [];
  });
  afterEach(async () => {
    pool?.kill();
    await pool?.stop();
    pool = undefined;
    await rm(dataDir, { recursive: true, force: true });
  });
  const start = async (script: string, options: Partial<PoolOptions> = {}): Promise<Pool> => {
    const file = path.join(dataDir, 'role.cjs');
    await writeFile(file, script);
    pool = await startPool({
      gateways: 1,
      coordinators: 0,
      aggregators: 0,
      evaluators: 0,
      allInOne: 0,
      port: 0,
      // NODE_OPTIONS is jest's own.
      env: { ...process.env, NODE_OPTIONS: '', DRAIN_MS: '100' },
      dataDir,
      command: () => [file],
      onExit: ({ name }, how) => log.push(`${name} ${how}`),
      onRestart: ({ name }) => log.push(`${name} again`),
      ...options,
    });
    return pool;
  };

  it('starts every role, knows its gateways and ends all', async () => {
    const { children, gatewayUrls, stop } = await start(GOOD, {
      gateways: 2,
      coordinators: 1,
      aggregators: 1,
    });
    expect(children.map(({ name }) => name).sort()).toEqual([
      'aggregator-1',
      'coordinator-1',
      'gateway-1',
      'gateway-2',
    ]);
    expect(children.every(({ state, pid }) => state === 'ready' && isAlive(pid))).toBe(true);
    expect(new Set(gatewayUrls).size).toBe(2);
    const pids = children.map(({ pid }) => pid);
    await stop();
    expect(pids.some(isAlive)).toBe(false);
    expect(log).toEqual([]);
    expect(await readFile(path.join(dataDir, 'logs/coordinator-1.log'), 'utf8')).toContain('drained');
  });

  it('starts again what dies, at the same port', async () => {
    const { children, gatewayUrls } = await start(GOOD);
    const [gateway] = children;
    const before = gateway!.pid;
    gateway!.kill('SIGKILL');
    await eventually(() => log.includes('gateway-1 again'));
    expect(log).toEqual(['gateway-1 SIGKILL', 'gateway-1 again']);
    expect(gateway!.pid).not.toBe(before);
    expect(gateway!.restarts).toBe(1);
    expect(pool!.gatewayUrls).toEqual(gatewayUrls);
  });

  it('adds a gateway later; one that was stopped can be started again', async () => {
    const { children } = await start(GOOD);
    const added = await pool!.addGateway();
    expect(added.name).toBe('gateway-2');
    expect(pool!.gatewayUrls).toHaveLength(2);
    await children[0]!.stop(1_000);
    expect(pool!.gatewayUrls).toEqual([added.url]);
    await children[0]!.start();
    expect(pool!.gatewayUrls).toHaveLength(2);
  });

  it('says what a process that does not start has logged, and leaves nothing behind', async () => {
    await expect(start(BAD)).rejects.toThrow(
      /gateway-1: it ended \(exit code 69\)[^]*REDIS_URL: cannot be reached/,
    );
  });

  it('kills one that does not listen', async () => {
    const { children, stop } = await start(DEAF, {
      env: { ...process.env, NODE_OPTIONS: '', DRAIN_MS: '-4900' },
    });
    const { pid } = children[0]!;
    await stop();
    expect(isAlive(pid)).toBe(false);
  });
});

describe('ports', () => {
  let server: Server;
  beforeEach(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('names the one that is taken, and others that would do', async () => {
    const { port } = server.address() as { port: number };
    await expect(requireFreePorts(port, 2)).rejects.toMatchObject({
      message: `Port ${port} is taken by another program.`,
      advice: expect.stringMatching(/--port \d+$/),
      exitCode: 69,
    });
    await requireFreePorts(await freePort(), 1);
  });
});
