import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { freePorts } from '../../bench/lib/process.js';
import { startPrivateRedis, type PrivateRedis } from '../../src/cli/private-redis.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { cleanUp, SHARD_PARAMS, startTraining } from './redis-world.js';

test.each([
  { what: 'dies', signal: 'SIGKILL' },
  { what: 'hangs, breaking no connection,', signal: 'SIGSTOP' },
] as const)(
  'a master that $what is replaced by its Sentinels: the session goes on',
  async ({ signal }) => {
    const { master, sentinels } = await startSentinels();
    const pool = await startPool({
      redisUrl: 'redis://ignored.invalid:1',
      env: {
        REDIS_SENTINELS: sentinels.map((port) => `127.0.0.1:${port}`).join(','),
        REDIS_SENTINEL_NAME: 'pool',
        SHARD_PARAMS: String(SHARD_PARAMS),
      },
    });
    const training = await startTraining(pool, { rounds: 4 });
    await training.midRound(1);
    master.kill(signal);
    // A Sentinel that was kept from running for 2 s (a busy machine) does nothing for the next 30: its TILT mode.
    await training.finish(100_000);
    expect(`redis://127.0.0.1:${await masterPort(sentinels[0] ?? 0)}`).not.toBe(master.url);
  },
  150_000,
);

/** A master, two replicas of it, and three Sentinels that know them all. */
async function startSentinels(): Promise<{ master: PrivateRedis; sentinels: number[] }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-sentinel-'));
  cleanUp(() => rm(dir, { recursive: true, force: true }));
  const [masterAt = 0, ...ports] = await freePorts(6);
  const replicas = ports.slice(0, 2);
  const sentinels = ports.slice(2);
  const start = async (port: number, extraArgs: string[] = []): Promise<PrivateRedis> => {
    const args = ['--repl-diskless-sync-delay', '0', ...extraArgs];
    const server = await startPrivateRedis({
      dir: path.join(dir, String(port)),
      port,
      appendOnly: true,
      extraArgs: args,
    });
    cleanUp(async () => {
      server.kill('SIGKILL');
      await server.stop();
    });
    return server;
  };
  const master = await start(masterAt);
  for (const port of replicas) await start(port, ['--replicaof', '127.0.0.1', String(masterAt)]);
  for (const port of sentinels) await startSentinel(dir, { port, masterAt });
  for (const port of sentinels) await eventually(() => knowsAll(port), { withinMs: 45_000, everyMs: 100 });
  return { master, sentinels };
}

async function startSentinel(dir: string, at: { port: number; masterAt: number }): Promise<void> {
  // A Sentinel writes what it learns into its own configuration.
  const file = path.join(dir, `sentinel-${at.port}.conf`);
  const lines = [
    `port ${at.port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor pool 127.0.0.1 ${at.masterAt} 2`,
    'sentinel down-after-milliseconds pool 1000',
    'sentinel failover-timeout pool 3000',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const binary = process.env['REDIS_SERVER_BIN'] ?? 'redis-server';
  const child = spawn(binary, [file, '--sentinel'], { stdio: 'ignore' });
  cleanUp(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
}

async function ask<T>(port: number, fn: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
  redis.on('error', () => {
    // The command that was asked fails with it.
  });
  try {
    return await fn(redis);
  } finally {
    redis.disconnect();
  }
}

async function knowsAll(port: number): Promise<boolean> {
  return ask(port, async (redis) => {
    const others = (await redis.call('SENTINEL', 'sentinels', 'pool')) as unknown[];
    const replicas = (await redis.call('SENTINEL', 'replicas', 'pool')) as string[][];
    const linked = replicas.filter((fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok');
    return others.length === 2 && linked.length === 2;
  });
}

async function masterPort(port: number): Promise<number> {
  return ask(port, async (redis) => {
    const [, at] = (await redis.call('SENTINEL', 'get-master-addr-by-name', 'pool')) as [string, string];
    return Number(at);
  });
}
