import { readdir, readFile, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { SHARD_PARAMS, startFaultyRedis, startTraining } from './redis-world.js';

test.each([
  { lost: 'updates of the round', rounds: 0 },
  { lost: 'the end of a round and a part of the next', rounds: 1 },
])(
  'a Redis that lost $lost at a crash: Libraries send again what is missing',
  async ({ rounds }) => {
    // With `everysec` Redis may answer before it writes, while a flush is under way: what is lost would not be known.
    const redis = await startFaultyRedis(['--appendfsync', 'always']);
    const pool = await startPool({ redisUrl: redis.url, env: { SHARD_PARAMS: String(SHARD_PARAMS) } });
    const training = await startTraining(pool, { rounds: 3, slowMs: 1_250, staggerMs: 300 });
    const file = await appendOnlyFile(redis.dir);

    // Whatever was seen is in these bytes.
    const before = await training.midRound(1);
    const { size } = await stat(file);
    await eventually(
      async () => {
        const { version, received } = await training.session.get();
        return rounds === 0
          ? version > before.version || received > before.received
          : version >= before.version + rounds && received > 0;
      },
      { withinMs: 45_000 },
    );
    await redis.end('SIGKILL');
    // As a file that was not flushed ends: in the middle of a command.
    await truncate(file, size + 7);
    await redis.startAgain();

    const log = await readFile(path.join(redis.dir, 'redis.log'), 'utf8');
    expect(log).toMatch(/[Tt]runcat/);
    await training.finish();
  },
  60_000,
);

async function appendOnlyFile(dir: string): Promise<string> {
  const folder = path.join(dir, 'appendonlydir');
  const names = await readdir(folder);
  return path.join(folder, names.find((name) => name.endsWith('.incr.aof')) ?? '');
}
