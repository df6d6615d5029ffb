import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startPrivateRedis, type PrivateRedis } from '../../src/cli/private-redis.js';
import { eventually } from '../helpers/eventually.js';
import { watchProcessListeners } from '../helpers/leaks.js';

describe('startPrivateRedis', () => {
  let dir: string;
  let started: PrivateRedis[];
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'cn-redis-'));
    started = [];
  });
  afterEach(async () => {
    for (const redis of started) await redis.stop();
    await rm(dir, { recursive: true, force: true });
  });
  const start = async (
    options: Partial<Parameters<typeof startPrivateRedis>[0]> = {},
  ): Promise<PrivateRedis> => {
    const redis = await startPrivateRedis({ dir, appendOnly: true, ...options });
    started.push(redis);
    return redis;
  };
  const command = async <T>(url: string, run: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(url, { retryStrategy: null, maxRetriesPerRequest: 1 });
    client.on('error', () => {});
    return run(client).finally(() => client.disconnect());
  };

  it('keeps what was written over a stop and a start', async () => {
    const assertNoLeaks = watchProcessListeners();
    const first = await start({ maxmemory: '64mb' });
    expect(first.url).toBe(path.join(dir, 'redis.sock'));
    expect(await command(first.url, (client) => client.config('GET', 'maxmemory-policy'))).toContain(
      'noeviction',
    );
    await command(first.url, (client) => client.set('round', '7'));
    await first.stop();

    const second = await start();
    expect(second.reused).toBe(false);
    expect(await command(second.url, (client) => client.get('round'))).toBe('7');
    await second.stop();
    assertNoLeaks();
  });

  it('starts again with its data after a crash', async () => {
    const first = await start();
    await command(first.url, (client) => client.set('round', '8'));
    // `everysec` promises no more than that.
    await eventually(async () => {
      const info = await command(first.url, (client) => client.info('persistence'));
      return info.includes('aof_pending_bio_fsync:0');
    });
    first.kill('SIGKILL');
    const second = await start();
    expect(second.reused).toBe(false);
    expect(await command(second.url, (client) => client.get('round'))).toBe('8');
  });

  it('takes over one that was left running', async () => {
    const left = await start();
    const taken = await start();
    expect(taken).toMatchObject({ reused: true, pid: left.pid, url: left.url });
  });

  it('does not mistake another program for one that was left', async () => {
    await writeFile(path.join(dir, 'redis.pid'), `${process.pid}\n${dir}/redis.sock\n`);
    expect(await start()).toMatchObject({ reused: false });
  });

  it('finds a short socket path for a deep folder', async () => {
    const deep = path.join(dir, 'a-folder-with-a-long-name'.repeat(4), 'b'.repeat(40));
    const redis = await start({ dir: deep });
    expect(Buffer.byteLength(redis.url)).toBeLessThanOrEqual(103);
    expect(await command(redis.url, (client) => client.ping())).toBe('PONG');
  });

  it('says what to do when there is no server to run', async () => {
    await expect(start({ env: { REDIS_SERVER_BIN: '/nowhere/redis-server' } })).rejects.toThrow(
      'REDIS_SERVER_BIN=/nowhere/redis-server is no Redis',
    );
    const cwd = process.cwd();
    process.chdir(dir);
    await expect(start({ env: { PATH: dir } }).finally(() => process.chdir(cwd))).rejects.toThrow(
      /npm run setup.*REDIS_URL/,
    );
  });

  it('shows the log of one that does not start', async () => {
    await expect(start({ extraArgs: ['--no-such-option', 'x'] })).rejects.toThrow(
      /ended at once[^]*no-such-option/i,
    );
  });
});
