import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../src/core/random.js';
import { aggregateSlot } from '../../workers/aggregator/aggregate-slot.js';
import { reconcileSession } from '../../workers/coordinator/reconcile-session.js';
import { allKeys, SERVERS } from '../helpers/servers.js';
import { trainingWorld, type TrainingWorld } from '../helpers/training-world.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
const EXAMPLES = Object.fromEntries(NAMES.map((name, i) => [name, 10 + i * 7]));
const job = {
  selection: { type: 'all' as const, goal: NAMES.length },
  continuation: { value: 1 },
  termination: { maxRounds: 2 },
  evaluation: { on: 'none' as const },
};

function deltaOf(name: string, round: number, length = 20): Float32Array {
  const random = seededRandom(name.charCodeAt(0) * 1000 + round);
  return Float32Array.from({ length }, () =>
    Math.fround((random() - 0.5) * 2 ** Math.floor(random() * 20 - 15)),
  );
}

/** FedAvg as everybody writes it, in f64: what the exact result must be within half an ulp of. */
function fedavg(base: Float32Array, round: number): number[] {
  const total = NAMES.reduce((sum, name) => sum + (EXAMPLES[name] ?? 0), 0);
  const deltas = NAMES.map((name) => ({
    delta: deltaOf(name, round),
    weight: (EXAMPLES[name] ?? 0) / total,
  }));
  return [...base].map(
    (value, i) => value + deltas.reduce((sum, { delta, weight }) => sum + weight * (delta[i] ?? 0), 0),
  );
}

const key = { repoId: 'repo', sessionId: 's-1' };
const slot = (index: number, slots: number) => ({ v: 1 as const, ...key, slot: index, slots });

async function playRound(
  world: TrainingWorld,
  round: number,
  order: readonly string[],
  foldAfter: (sent: number) => Promise<unknown>,
): Promise<void> {
  await reconcileSession(world, key);
  expect((await world.current()).round).toMatchObject({ number: round, state: 'collecting' });
  for (const [i, name] of order.entries()) {
    await world.update(name, deltaOf(name, round), EXAMPLES[name] ?? 0);
    await foldAfter(i + 1);
  }
  await reconcileSession(world, key);
  expect((await world.current()).round?.state).toBe('closing');
}

describe.each(SERVERS)('aggregation over $server', ({ cluster }) => {
  test('gives the same bytes for any order, batching, number of slots, and twins at work', async () => {
    const results: string[] = [];
    const ways = [
      { order: NAMES, foldAfter: async () => undefined, slots: 1 },
      {
        order: [...NAMES].reverse(),
        foldAfter: async (world: TrainingWorld) => aggregateSlot(world, slot(0, 1)),
        slots: 3,
      },
      {
        order: [...NAMES.slice(5), ...NAMES.slice(0, 5)],
        foldAfter: async (world: TrainingWorld) =>
          Promise.all([0, 1, 0, 1].map((i) => aggregateSlot(world, slot(i, 2)))),
        slots: 2,
      },
    ];
    for (const way of ways) {
      const world = await trainingWorld({ cluster, job });
      await world.join(EXAMPLES);
      for (const round of [1, 2]) {
        await playRound(world, round, way.order, () => way.foldAfter(world));
        await Promise.all(
          Array.from({ length: way.slots }, (_, i) => [
            aggregateSlot(world, slot(i, way.slots)),
            aggregateSlot(world, slot(i, way.slots)),
          ]).flat(),
        );
        await reconcileSession(world, key);
      }
      expect(await world.current()).toMatchObject({ state: 'completed', version: 2, leftovers: [] });
      const first = await world.parameters(1);
      const second = await world.parameters(2);
      if (first === null || second === null) throw new Error('versions are missing');
      [...first].forEach((value, i) => expect(value).toBeCloseTo(fedavg(world.base, 1)[i] ?? NaN, 6));
      [...second].forEach((value, i) => expect(value).toBeCloseTo(fedavg(first, 2)[i] ?? NaN, 6));
      results.push(Buffer.from(second.buffer).toString('hex'));
      expect((await world.stores.models.get('repo', 'm-s-1')).trainedBy).toEqual({
        sessionId: 's-1',
        version: 2,
      });
    }
    expect(new Set(results).size).toBe(1);
  });

  test('gives the same bytes for the same values in any encoding', async () => {
    // Multiples of 1/128 whose largest is 127 of them, in every shard: f16 and q8 hold them exactly.
    const exact = (name: string): Float32Array =>
      deltaOf(name, 1).map((value, i) => (i % 8 === 0 ? -127 : Math.round(value * 2 ** 12) % 128) / 128);
    const results: string[] = [];
    for (const encoding of ['f32', 'f16', 'q8'] as const) {
      const world = await trainingWorld({ cluster, job: { ...job, update: { encoding } } });
      await world.join(EXAMPLES);
      await reconcileSession(world, key);
      for (const name of NAMES) await world.update(name, exact(name), EXAMPLES[name] ?? 0);
      await reconcileSession(world, key);
      await aggregateSlot(world, slot(0, 1));
      await reconcileSession(world, key);
      const version = await world.parameters(1);
      expect(version).not.toEqual(world.base);
      results.push(Buffer.from(version?.buffer ?? new ArrayBuffer(0)).toString('hex'));
    }
    expect(results[0]).toHaveLength(20 * 8);
    expect(new Set(results).size).toBe(1);
  });

  test('frees everything of a finished round and keeps only what a finished session should keep', async () => {
    const world = await trainingWorld({ cluster, job });
    await world.join(EXAMPLES);
    for (const round of [1, 2]) {
      await playRound(world, round, NAMES, () => aggregateSlot(world, slot(0, 1)));
      await aggregateSlot(world, slot(0, 1));
      await reconcileSession(world, key);
    }
    const { redis, keys } = world.stores.context;
    const left = (await allKeys(redis, keys.prefix)).filter((name) => !name.startsWith('{'));
    const of = (pattern: RegExp): string[] => left.filter((name) => pattern.test(name));
    expect(of(/:[up]\./)).toEqual([]);
    expect(of(/:(assignments|receipts|folds|produced)$/)).toEqual([]);
    expect(of(/:due$|:rentals$/)).toEqual([]);
    expect(of(/\{repo:s-1:\d\}:w\./)).toHaveLength(2 * 3);
  });

  test('an attempt whose acknowledged bytes are lost is tried again, not finished without them', async () => {
    const world = await trainingWorld({ cluster, job });
    await world.join(EXAMPLES);
    await playRound(world, 1, NAMES, async () => undefined);
    const { redis, keys } = world.stores.context;
    const [victim] = (await allKeys(redis, keys.prefix)).filter((name) => name.includes(':s-1:1}:u.'));
    await redis.del(victim ?? '');
    await aggregateSlot(world, slot(0, 1));
    await reconcileSession(world, key);
    const { round, version } = await world.current();
    expect(round).toMatchObject({ number: 1, attempt: 2, state: 'collecting' });
    expect(version).toBe(0);
  });

  test('a worker that comes late to a finished round disturbs nothing', async () => {
    const world = await trainingWorld({ cluster, job });
    await world.join(EXAMPLES);
    await playRound(world, 1, NAMES, async () => undefined);
    const late = {
      ...world,
      stores: {
        ...world.stores,
        sessions: Object.create(world.stores.sessions) as typeof world.stores.sessions,
      },
    };
    const stale = await world.stores.sessions.find('repo', 's-1');
    late.stores.sessions.find = () => Promise.resolve(stale);
    await aggregateSlot(world, slot(0, 1));
    await reconcileSession(world, key);
    const before = await world.current();
    await aggregateSlot(late, slot(0, 1));
    await reconcileSession(world, key);
    expect((await world.current()).round).toEqual(before.round);
    expect(before.version).toBe(1);
  });
});
