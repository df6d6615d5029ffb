import { describe, expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import type { SessionEvent } from '../../src/core/decision.js';
import type { Library } from '../../src/library/index.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { allKeys, connectTo } from '../helpers/servers.js';

const NAMES = Array.from({ length: 10 }, (_, i) => `lib-${i}`);

/** Ten Libraries in a session whose first round is over and whose second is being trained. */
async function tenInTheSecondRound(env: Record<string, string>): Promise<{
  pool: TestPool;
  apiKey: string;
  libraries: Library[];
  session: Awaited<ReturnType<Awaited<ReturnType<TestPool['repo']>>['explora']['submit']>>;
}> {
  const pool = await startPool({ env });
  const { apiKey, explora } = await pool.repo();
  const { modelId } = await explora.uploadModel(denseModel(5, 5));
  const libraries = NAMES.map((libraryId) =>
    pool.library({ apiKey, libraryId, numExamples: 5, trainMs: 700 }),
  );
  await Promise.all(libraries.map((library) => library.join()));
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: 10 },
    continuation: { value: 1, minUpdates: 5 },
    deadlines: { roundMs: 3_000, recruitMs: 2_500, maxRoundRetries: 1 },
    evaluation: { on: 'none' },
    termination: { maxRounds: 3 },
  });
  await eventually(
    async () =>
      (await session.get()).round?.number === 2 && (await session.get()).round?.state === 'collecting',
    {
      withinMs: 15_000,
    },
  );
  return { pool, apiKey, libraries, session };
}

/** As if their machines were switched off: no farewell. */
const vanish = (libraries: readonly Library[]): Promise<unknown> =>
  Promise.all(libraries.map((library) => library.leave()));

describe('nine of ten Libraries leave in mid-round', () => {
  test('for ever: the round ends at its deadline, is tried again, and the session fails with the reason', async () => {
    const { pool, libraries, session } = await tenInTheSecondRound({ LEASE_MS: '60000' });
    await vanish(libraries.slice(1));
    await expect(session.result()).rejects.toThrow(
      /Round 2 was tried 2 times\. Last time: Only 1 of at least 5 Libraries were connected/,
    );
    const events: SessionEvent[] = [];
    for await (const { event } of session.follow()) events.push(event);
    expect(events.filter((event) => event.type === 'round.abandoned')).toHaveLength(2);
    const view = await session.get();
    expect(view).toMatchObject({ state: 'failed', version: 1 });

    // Nothing is left behind: no timer, no rental, no assignment, no bytes but those of kept versions.
    const redis = await connectTo(pool.server);
    try {
      await eventually(async () => {
        const keys = await allKeys(redis, pool.prefix);
        const left = keys.filter((key) =>
          /:(due|rentals|active)$|:\d+\.\d+:|:[up]\.|:coordinate:\d|:aggregate:\d|:de:/.test(key),
        );
        expect(left).toEqual([]);
      });
    } finally {
      await redis.quit();
    }
  }, 40_000);

  test('and come back: the session goes on with them', async () => {
    const { pool, apiKey, libraries, session } = await tenInTheSecondRound({ LEASE_MS: '60000' });
    await vanish(libraries.slice(1));
    await eventually(async () => (await session.get()).round?.attempt === 2, { withinMs: 10_000 });
    for (const libraryId of NAMES.slice(1)) void pool.library({ apiKey, libraryId, numExamples: 5 }).join();
    const view = await session.result();
    expect(view).toMatchObject({ state: 'completed', version: 3 });
    expect(view.history[1]).toMatchObject({ round: 2, attempt: 2 });
  }, 40_000);
});
