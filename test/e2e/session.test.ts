import { describe, expect, test } from '@jest/globals';
import type { SessionEvent } from '../../src/core/decision.js';
import { eventually } from '../helpers/eventually.js';
import { denseModel } from '../../bench/lib/dense-model.js';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { startPool } from '../helpers/pool.js';

const LIBRARIES = { ada: 100, ben: 37, cyd: 512, dee: 1, eve: 64 };
const everybody = {
  hyperparams: { batchSize: 10 },
  selection: { type: 'all' as const, goal: 5 },
  continuation: { value: 1 },
  evaluation: { on: 'none' as const },
};

describe('a session of real processes', () => {
  test('runs from submit to download over two gateways, and comes to the bytes that it must', async () => {
    const pool = await startPool({ roles: { gateway: 2, aggregator: 2 }, env: { SHARD_PARAMS: '1000' } });
    const { apiKey, explora } = await pool.repo();
    const model = denseModel(50, 60);
    const { modelId } = await explora.uploadModel(model);
    for (const [i, [libraryId, numExamples]] of Object.entries(LIBRARIES).entries()) {
      const gateway = pool.gateways[i % 2];
      await pool.library({ apiKey, libraryId, numExamples, urls: [gateway?.url ?? ''] }).join();
    }
    const session = await explora.submit({ modelId, ...everybody, termination: { maxRounds: 3 } });
    const events: SessionEvent['type'][] = [];
    for await (const { event } of session.follow()) events.push(event.type);
    const view = await session.result();
    expect(view).toMatchObject({ state: 'completed', version: 3, reason: 'All 3 rounds done.' });
    expect(view.history.map((round) => [round.updates, round.totalExamples])).toEqual(
      [1, 2, 3].map(() => [5, 714]),
    );

    const expected = await expectedSha256({
      weights: model.weights,
      libraries: LIBRARIES,
      rounds: 3,
      shardParams: 1000,
    });
    expect(view.history[2]?.sha256).toBe(expected);
    const { record, weights } = await explora.downloadModel(view.resultModelId ?? '');
    expect(record.parameters.sha256).toBe(expected);
    expect(weights).toHaveLength(3_060);
    const count = (type: SessionEvent['type']): number => events.filter((one) => one === type).length;
    expect([count('round.opened'), count('round.published'), count('session.completed')]).toEqual([3, 3, 1]);
    // One for all that were counted in one step.
    expect(count('update.received')).toBeGreaterThanOrEqual(3);
    expect(count('update.received')).toBeLessThanOrEqual(15);
  });

  test('comes to nearly the same model with a quarter of the bytes up and half of them down', async () => {
    const pool = await startPool({ env: { SHARD_PARAMS: '1000' } });
    const { apiKey, explora } = await pool.repo();
    const { modelId } = await explora.uploadModel(denseModel(50, 60));
    const [url = ''] = pool.gateways.map((gateway) => gateway.url);
    for (const [libraryId, numExamples] of Object.entries(LIBRARIES)) {
      await pool.library({ apiKey, libraryId, numExamples, urls: [url] }).join();
    }
    const learn = async (job: object): Promise<Float32Array> => {
      const session = await explora.submit({
        modelId,
        ...everybody,
        ...job,
        termination: { maxRounds: 3 },
      });
      const view = await session.result();
      expect(view.history.map((round) => round.updates)).toEqual([5, 5, 5]);
      return (await explora.downloadModel(view.resultModelId ?? '')).weights;
    };
    const plain = await learn({});
    const small = await learn({ update: { encoding: 'q8' }, downloadEncoding: 'f16' });
    expect(small).not.toEqual(plain);
    const distance = (a: Float32Array, b: Float32Array): number =>
      Math.hypot(...a.map((value, i) => value - (b[i] ?? NaN)));
    expect(distance(small, plain)).toBeLessThan(0.02 * Math.hypot(...plain));
  });

  test('a gateway started in mid-session serves it, and a Library moved there goes on with its assignment', async () => {
    const pool = await startPool({ roles: { gateway: 2 } });
    const { apiKey, explora } = await pool.repo();
    const model = denseModel(10, 10);
    const { modelId } = await explora.uploadModel(model);
    const [first, second] = pool.gateways;
    const slow = pool.library({
      apiKey,
      libraryId: 'slow',
      numExamples: 5,
      trainMs: 600_000,
      urls: [first?.url ?? ''],
    });
    const quick = pool.library({ apiKey, libraryId: 'quick', numExamples: 7, urls: [second?.url ?? ''] });
    await Promise.all([slow.join(), quick.join()]);
    const session = await explora.submit({
      modelId,
      ...everybody,
      selection: { type: 'all', goal: 2 },
      termination: { maxRounds: 1 },
    });
    await eventually(() => slow.state === 'training', { withinMs: 10_000 });

    const third = await pool.add('gateway');
    const ask = async (): Promise<{ assignment: { sessionId: string; state: string } | null }> => {
      const answer = await fetch(`${third.url}/v1/library/assignment`, {
        headers: { authorization: `Bearer ${apiKey}`, 'library-id': 'slow' },
      });
      return (await answer.json()) as { assignment: { sessionId: string; state: string } | null };
    };
    expect((await ask()).assignment).toMatchObject({
      sessionId: session.sessionId,
      round: 1,
      state: 'accepted',
    });
    // The process dies with its training; its successor, elsewhere, is the same Library with the same lease.
    await first?.kill9();
    const moved = pool.library({ apiKey, libraryId: 'slow', numExamples: 5, urls: [third.url] });
    await moved.join();
    const view = await session.result();
    expect(view).toMatchObject({ state: 'completed', version: 1 });
    expect(view.history[0]).toMatchObject({ attempt: 1, updates: 2, totalExamples: 12 });
    const libraries = { slow: 5, quick: 7 };
    expect(view.history[0]?.sha256).toBe(
      await expectedSha256({ weights: model.weights, libraries, rounds: 1, shardParams: 262_144 }),
    );
  });
});
