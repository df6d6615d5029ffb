import { expect } from '@jest/globals';
import { layers, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import type { Page } from 'playwright-core';
import { fromLayersModel, type ExploraSession } from '../../src/explora/index.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';
import { browserTest, useChromium } from '../helpers/chromium.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { join, problemsOf, roundsOf, stateOf, testPages, type JoinOptions } from './page.js';

const browsing = useChromium();
const WAIT = { withinMs: 60_000 };

/** Eight numbers in, one out; what comes in decides. */
const DATA = (): Float32Array => Float32Array.from({ length: 400 * 9 }, (_, i) => Math.sin(i * 12.9898));
const pages = testPages({ '/data': DATA });

interface Stage {
  readonly pool: TestPool;
  readonly site: string;
  readonly options: JoinOptions;
  submit(job: { goal: number; rounds: number; epochs?: number; roundMs?: number }): Promise<ExploraSession>;
}

async function stage(): Promise<Stage> {
  await useWasmBackend();
  const key = newPoolKey();
  const pool = await startPool({ env: { CORS_ORIGINS: '*', POOL_KEY: poolKeyPem(key) } });
  const { apiKey, explora } = await pool.repo();
  const model: LayersModel = sequential({
    layers: [
      layers.reshape({ targetShape: [4, 2, 1], inputShape: [8] }),
      layers.conv2d({ filters: 4, kernelSize: 2, activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 1 }),
    ],
  });
  const { modelId } = await explora.uploadModel(await fromLayersModel(model));
  return {
    pool,
    site: await browsing.site({ extra: pages }),
    options: {
      url: pool.gateways.map((gateway) => gateway.url),
      apiKey,
      poolKey: key.publicKey,
      data: { path: '/data', inputShape: [8], labels: 1 },
      // It would be the best for so small a model.
      without: ['cpu'],
    },
    submit: ({ goal, rounds, epochs = 1, roundMs = 60_000 }) =>
      explora.submit({
        modelId,
        datasetId: 'data',
        hyperparams: { batchSize: 20, epochs, loss: 'meanSquaredError', optimizer: { learningRate: 0.01 } },
        selection: { type: 'all', goal },
        continuation: { value: 1, minUpdates: 1 },
        deadlines: { roundMs, recruitMs: 3_000 },
        evaluation: { on: 'none' },
        termination: { maxRounds: rounds },
      }),
  };
}

/** Bytes of JavaScript objects in the worker of a page, once all garbage is collected. */
async function workerHeap(page: Page): Promise<() => Promise<number>> {
  const devtools = await page.context().newCDPSession(page);
  const attached = new Promise<string>((resolve) => {
    devtools.on('Target.attachedToTarget', ({ sessionId }) => resolve(sessionId));
  });
  await devtools.send('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  const sessionId = await attached;
  let lastId = 0;
  const ask = (method: string): Promise<{ usedSize?: number }> =>
    new Promise((resolve) => {
      const id = (lastId += 1);
      const hear = ({ message }: { message: string }): void => {
        const answer = JSON.parse(message) as { id?: number; result?: { usedSize?: number } };
        if (answer.id !== id) return;
        devtools.off('Target.receivedMessageFromTarget', hear);
        resolve(answer.result ?? {});
      };
      devtools.on('Target.receivedMessageFromTarget', hear);
      void devtools.send('Target.sendMessageToTarget', {
        sessionId,
        message: JSON.stringify({ id, method }),
      });
    });
  return async () => {
    // Finalizers let go of more.
    for (let i = 0; i < 3; i++) await ask('HeapProfiler.collectGarbage');
    return (await ask('Runtime.getHeapUsage')).usedSize ?? NaN;
  };
}

const isIn = (page: Page, state: string) => async (): Promise<boolean> => (await stateOf(page)) === state;

browserTest(
  'a tab that crashes in mid-round does not stop the session, and goes on when it is opened again',
  async () => {
    const { site, options, submit } = await stage();
    const devices = [await browsing.device(), await browsing.device(), await browsing.device()];
    const [first, second, third] = await Promise.all(
      devices.map(async (device) => {
        const page = await device.newPage();
        await page.goto(`${site}/test.html`);
        await join(page, options);
        await eventually(isIn(page, 'idle'), WAIT);
        return page;
      }),
    );
    const session = await submit({ goal: 3, rounds: 3, epochs: 30, roundMs: 10_000 });
    await eventually(isIn(first!, 'training'), WAIT);
    const crashed = new Promise((resolve) => first!.once('crash', resolve));
    const devtools = await devices[0]!.newCDPSession(first!);
    devtools.send('Page.crash').catch(() => {});
    await crashed;
    await second!.close();

    // The deadline is the way out: one update is enough for this job.
    await eventually(async () => (await session.get()).version >= 1, WAIT);
    const again = await devices[0]!.newPage();
    await again.goto(`${site}/test.html`);
    const { data: _, ...withoutData } = options;
    await join(again, withoutData);
    const view = await session.result();
    expect(view).toMatchObject({ state: 'completed', version: 3 });
    expect(view.history[0]).toMatchObject({ updates: 1, totalExamples: 400 });
    expect((await roundsOf(again)).filter(({ outcome }) => outcome === 'counted').length).toBeGreaterThan(0);
    expect(await problemsOf(third!)).toEqual([]);
  },
  120_000,
);

browserTest(
  'of two tabs of a site one trains; the other takes over when it is closed, as the same Library',
  async () => {
    const { pool, site, options, submit } = await stage();
    const device = await browsing.device();
    const [one, other] = [await device.newPage(), await device.newPage()];
    await one.goto(`${site}/test.html`);
    await join(one, options);
    await eventually(isIn(one, 'idle'), WAIT);
    await other.goto(`${site}/test.html`);
    const { data: _, ...withoutData } = options;
    await join(other, withoutData);
    await eventually(isIn(other, 'waiting'), WAIT);

    const before = await submit({ goal: 1, rounds: 2 });
    expect((await before.result()).history.map(({ updates }) => updates)).toEqual([1, 1]);
    expect([await stateOf(other), (await roundsOf(other)).length]).toEqual(['waiting', 0]);
    await one.close();
    await eventually(isIn(other, 'idle'), WAIT);
    const after = await submit({ goal: 1, rounds: 2 });
    await after.result();
    await eventually(async () => (await roundsOf(other)).length === 2);
    expect(pool.nodes).toHaveLength(3);
  },
  120_000,
);

browserTest(
  'fifty rounds leave as many tensors and as much memory as five',
  async () => {
    const { site, options, submit } = await stage();
    const device = await browsing.device();
    const page = await device.newPage();
    await page.goto(`${site}/test.html`);
    await join(page, options);
    await eventually(isIn(page, 'idle'), WAIT);
    const heap = await workerHeap(page);
    await (await submit({ goal: 1, rounds: 5 })).result();
    const afterFive = await heap();
    await (await submit({ goal: 1, rounds: 50 })).result();
    const afterAll = await heap();
    const rounds = await eventually(async () => {
      const all = await roundsOf(page);
      return all.length === 55 ? all : null;
    });
    expect(new Set(rounds?.map(({ numTensors }) => numTensors)).size).toBe(1);
    expect(afterAll - afterFive).toBeLessThan(512 * 1024);
  },
  120_000,
);

browserTest(
  'nothing happens without consent; the off switch holds over a reload, and the policy pauses',
  async () => {
    const { site, options, submit } = await stage();
    const device = await browsing.device();
    const page = await device.newPage();
    await page.goto(`${site}/test.html`);
    const { data: _, ...withoutData } = options;
    await join(page, withoutData);
    expect(await stateOf(page)).toBe('off');
    await join(page, options);
    await eventually(isIn(page, 'idle'), WAIT);
    await page.evaluate(() => {
      const { library } = window as unknown as { library: { setPolicy(policy: object): void } };
      Object.defineProperty(document, 'visibilityState', { get: () => 'hidden', configurable: true });
      library.setPolicy({ whenHidden: 'stop' });
    });
    await eventually(isIn(page, 'paused'), WAIT);
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { get: () => 'visible', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await eventually(isIn(page, 'idle'), WAIT);
    const session = await submit({ goal: 1, rounds: 1 });
    await session.result();

    await page.evaluate(() => (window as unknown as { library: { stop(): Promise<void> } }).library.stop());
    expect(await stateOf(page)).toBe('off');
    await page.reload();
    await join(page, withoutData);
    expect(await stateOf(page)).toBe('off');
    const kept = await page.evaluate(async () => {
      const { library } = window as unknown as {
        library: { datasets(): Promise<unknown[]>; withdraw(): Promise<void> };
      };
      const before = await library.datasets();
      await library.withdraw();
      return [before.length, (await library.datasets()).length];
    });
    expect(kept).toEqual([1, 0]);
  },
  120_000,
);

browserTest(
  'a page that pins the key of another pool does not take part',
  async () => {
    const { site, options } = await stage();
    const page = await (await browsing.device()).newPage();
    await page.goto(`${site}/test.html`);
    await join(page, { ...options, poolKey: newPoolKey().publicKey });
    await eventually(async () => (await problemsOf(page)).length > 0, WAIT);
    expect((await problemsOf(page))[0]).toMatch(/which is neither pinned nor a successor/);
    await eventually(isIn(page, 'off'), WAIT);
  },
  120_000,
);
