import { expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';

/**
 * The reconnection scenario of Flower's own end-to-end tests (framework/e2e/test_reconnection.sh), for k gateways and
 * w workers: the whole server dies and comes back, clients come and go, and the run still finishes.
 */
test.each([
  { gateways: 1, workers: 1 },
  { gateways: 2, workers: 2 },
])(
  '$gateways gateways, $workers workers: everything is replaced once and the run finishes',
  async ({ gateways, workers }) => {
    const pool = await startPool({ roles: { gateway: gateways, coordinator: workers, aggregator: workers } });
    const { apiKey, explora } = await pool.repo();
    const { modelId } = await explora.uploadModel(denseModel(5, 5));
    const join = (libraryId: string): ReturnType<typeof pool.library> => {
      const library = pool.library({ apiKey, libraryId, numExamples: 5, trainMs: 300 });
      void library.join().catch(() => undefined);
      return library;
    };
    const first = join('first');
    const second = join('second');
    await eventually(() => first.state === 'idle' && second.state === 'idle', { withinMs: 10_000 });

    // The server dies, all of it; clients find it again when it is back.
    const old = [...pool.nodes];
    await Promise.all(old.map((node) => node.kill9()));
    await Promise.all(old.map((node) => pool.replace(node)));
    await eventually(() => first.state === 'idle' && second.state === 'idle', { withinMs: 15_000 });

    // A client dies and another one comes, before and after the run starts.
    await second.leave();
    const third = join('third');
    await eventually(() => third.state === 'idle', { withinMs: 10_000 });
    const session = await explora.submit({
      modelId,
      hyperparams: { batchSize: 1 },
      selection: { goal: 2, overSelection: 1 },
      continuation: { value: 1 },
      evaluation: { on: 'none' },
      termination: { maxRounds: 3 },
    });
    await eventually(() => third.state === 'training', { withinMs: 10_000 });
    await third.leave();
    join('fourth');
    const view = await session.result();
    expect(view).toMatchObject({ state: 'completed', version: 3 });
    expect(view.history.map((round) => round.updates)).toEqual([2, 2, 2]);
  },
  60_000,
);
