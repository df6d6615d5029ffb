import { expect, test } from '@jest/globals';
import type { PoolStatus } from '../../src/protocol/http.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { SHARD_PARAMS, startTraining } from './redis-world.js';

test('one aggregator, four, and one again, in mid-round, change nothing but the time', async () => {
  const pool = await startPool({ env: { SHARD_PARAMS: String(SHARD_PARAMS), AGGREGATOR_SLOTS: '1' } });
  const training = await startTraining(pool, { rounds: 7 });
  const slots = async (): Promise<number> =>
    ((await (await pool.fetch('/v1/pool')).json()) as PoolStatus).slots.total;

  await training.midRound(1);
  const first = pool.of('aggregator');
  const more = await Promise.all([1, 2, 3].map(() => pool.add('aggregator')));
  await eventually(async () => expect(await slots()).toBe(4), { withinMs: 15_000 });
  const { version } = await training.session.get();

  // The last that stays is none of before: what follows is the work of a new one.
  await training.midRound(version + 1);
  const going = [...first, ...more.slice(1)];
  expect(await Promise.all(going.map((node) => node.stop()))).toEqual(['SIGTERM', 'SIGTERM', 'SIGTERM']);
  expect(pool.of('aggregator')).toEqual([more[0]]);
  await eventually(async () => expect(await slots()).toBe(1), { withinMs: 15_000 });
  expect((await training.session.get()).state).toBe('running');

  await training.finish();
  const { history } = await training.session.get();
  // Not one round had to be tried again.
  expect(history.map(({ attempt }) => attempt)).toEqual(history.map(() => 1));
}, 90_000);
