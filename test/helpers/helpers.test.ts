import { readdirSync, readFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { probeRedis } from '../../src/cli/redis-probe.js';
import { eventually } from './eventually.js';
import { watchProcessListeners } from './leaks.js';
import { uniqueId } from './namespace.js';
import { spawnNode } from './processes.js';
import { SERVERS, suiteServer } from './servers.js';
import { startTcpProxy } from '../../bench/lib/tcp-proxy.js';

describe('the Redis servers of the suite', () => {
  it.each(SERVERS)('$server answers', async (which) => {
    expect(await probeRedis(suiteServer(which).url)).toMatchObject({ ready: true });
  });
});

it('the list of files with a Redis of their own is complete', () => {
  const listed = JSON.parse(readFileSync('test/own-server.json', 'utf8')) as Record<string, string>;
  const starts = /startPrivateRedis|startFaultyRedis|startCluster|'chaos'/;
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && file !== path.join('helpers', 'helpers.test.ts'))
    .map((file) => path.posix.join('test', ...file.split(path.sep)))
    .filter((file) => starts.test(readFileSync(file, 'utf8')));
  expect(files.sort()).toEqual(Object.keys(listed));
});

describe('eventually', () => {
  it('returns the first truthy value', async () => {
    let calls = 0;
    expect(await eventually(() => (++calls < 3 ? null : calls), { everyMs: 1 })).toBe(3);
  });

  it('takes a function that asserts', async () => {
    let calls = 0;
    await eventually(() => expect(++calls).toBeGreaterThan(2), { everyMs: 1 });
    expect(calls).toBe(3);
  });

  it('throws the last problem at the deadline', async () => {
    const fail = (): never => {
      throw new Error('not there');
    };
    await expect(eventually(fail, { withinMs: 30, everyMs: 5 })).rejects.toThrow('not there');
    await expect(eventually(() => false, { withinMs: 30, everyMs: 5 })).rejects.toThrow('still false');
  });
});

it('uniqueId differs each time', () => {
  expect(uniqueId('repo')).toMatch(/^repo-[0-9a-f]{12}$/);
  expect(uniqueId('repo')).not.toBe(uniqueId('repo'));
});

describe('spawnNode', () => {
  it('waits for a line and stops the process', async () => {
    const script = `console.log('on ' + process.env.WHERE + ' ' + process.env.NODE_OPTIONS); setInterval(() => {}, 1000)`;
    const child = spawnNode(['-e', script], { env: { WHERE: 'here' } });
    expect(await child.waitForLine(/^on here/)).toBe('on here undefined');
    expect(await child.stop()).toBe('SIGTERM');
  });

  it('tells why a line never came', async () => {
    const child = spawnNode(['-e', `console.error('broken'); process.exit(3)`]);
    await expect(child.waitForLine(/ready/)).rejects.toThrow(/ended \(3\)[^]*broken/);
  });

  it('kills one that does not listen', async () => {
    const child = spawnNode([
      '-e',
      `process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)`,
    ]);
    await child.waitForLine(/up/);
    expect(await child.stop(100)).toBe('SIGKILL');
  });
});

describe('startTcpProxy', () => {
  let echo: Server;
  beforeAll(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
  });
  afterAll(() => {
    echo.close();
  });
  const open = async (port: number): Promise<{ socket: Socket; received: () => string }> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    await once(socket, 'connect');
    return { socket, received: () => text };
  };

  it('passes bytes, holds them while stalled, and passes them on', async () => {
    const proxy = await startTcpProxy({ port: (echo.address() as AddressInfo).port });
    const { socket, received } = await open(proxy.port);
    socket.write('a');
    await eventually(() => received() === 'a');
    proxy.stall();
    socket.write('b');
    await sleep(50);
    expect(received()).toBe('a');
    proxy.resume();
    await eventually(() => received() === 'ab');
    await proxy.close();
  });

  it('cuts connections, refuses new ones, and opens again', async () => {
    const proxy = await startTcpProxy({ port: (echo.address() as AddressInfo).port });
    const first = await open(proxy.port);
    await eventually(() => proxy.connections === 1);
    proxy.cut();
    await eventually(() => first.socket.closed);
    const refused = connect(proxy.port, '127.0.0.1').on('error', () => {});
    await eventually(() => refused.closed);
    proxy.resume();
    const again = await open(proxy.port);
    again.socket.write('c');
    await eventually(() => again.received() === 'c');
    await proxy.close();
    expect(proxy.connections).toBe(0);
  });
});

it('watchProcessListeners names what was left', () => {
  const assertNoLeaks = watchProcessListeners();
  assertNoLeaks();
  const listener = (): void => {};
  process.on('SIGHUP', listener);
  expect(assertNoLeaks).toThrow(/SIGHUP: 0 → 1/);
  process.off('SIGHUP', listener);
  assertNoLeaks();
});
