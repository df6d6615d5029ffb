import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { freePorts } from '../../bench/lib/process.js';
import { startPrivateRedis } from '../../src/cli/private-redis.js';
import { findRedisBinary } from '../../src/cli/redis-binary.js';
import { fenceAfter, readText } from '../docs/markdown.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { SHARD_PARAMS, cleanUp, startFaultyRedis, startTraining } from './redis-world.js';

/** The commands of docs/operate.md, as an operator would paste them. */
async function runAsWritten(marker: string, env: Readonly<Record<string, string>>): Promise<string> {
  const PATH = `${path.dirname(findRedisBinary(process.env))}:${process.env['PATH'] ?? ''}`;
  const script = fenceAfter(readText('docs/operate.md'), marker);
  const { stdout } = await promisify(execFile)('sh', ['-euc', script], {
    env: { ...process.env, ...env, PATH },
  });
  return stdout;
}

test('backed up in mid-round, destroyed and restored, a session ends with the same bytes', async () => {
  // By default Redis waits 5 s for others who want a copy too.
  const redis = await startFaultyRedis(['--repl-diskless-sync-delay', '0']);
  const env = { SHARD_PARAMS: String(SHARD_PARAMS) };
  const pool = await startPool({ redisUrl: redis.url, env });
  const training = await startTraining(pool, { rounds: 6 });
  const folder = await mkdtemp(path.join(tmpdir(), 'cn-backup-'));
  cleanUp(() => rm(folder, { recursive: true, force: true }));
  const BACKUP = path.join(folder, 'pool.rdb');

  await training.midRound(2);
  const said = await runAsWritten('back up', { REDIS_URL: redis.url, BACKUP });
  expect(said).toContain('RDB looks OK');
  const { version } = await training.session.get();
  // It goes on: what is published from here on will be lost.
  await eventually(async () => (await training.session.get()).version > version, { withinMs: 45_000 });
  const ports = pool.gateways.map(({ url }) => Number(new URL(url).port));
  for (const node of pool.nodes) await node.kill9();
  await redis.end('SIGKILL');
  await rm(redis.dir, { recursive: true });

  const [port = 0] = await freePorts(1);
  const DATA = path.join(folder, 'data');
  await promisify(execFile)('mkdir', [DATA]);
  await runAsWritten('restore', { BACKUP, DATA });
  const restored = await startPrivateRedis({ dir: DATA, port, appendOnly: true });
  cleanUp(() => restored.stop());
  const again = await startPool({
    redisUrl: restored.url,
    env: { ...env, REDIS_PREFIX: pool.prefix },
    roles: { gateway: 0, coordinator: 0, aggregator: 0 },
  });
  // Clients have the old addresses. Without a coordinator nothing moves yet.
  for (const one of ports) await again.add('gateway', one);
  const back = await training.session.get();
  expect(back).toMatchObject({ state: 'running' });
  expect(back.version).toBeGreaterThanOrEqual(2);
  expect(back.version).toBeLessThanOrEqual(version);
  await again.add('coordinator');
  await again.add('aggregator');
  await training.finish();
}, 90_000);
