import { afterEach, expect } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import { readMnist } from '../../src/cli/demo/mnist.js';
import { fromLayersModel } from '../../src/explora/index.js';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';
import { setFlatWeights } from '../../src/library/tfjs-model.js';
import { startTcpProxy } from '../../bench/lib/tcp-proxy.js';
import { browserTest, useChromium } from '../helpers/chromium.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { join, longestGapMs, problemsOf, roundsOf, stateOf, testPages } from './page.js';

const TABS = 3;
const EXAMPLES = 1_000;
const browsing = useChromium();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function smallCnn(): LayersModel {
  const conv = { kernelSize: 3, strides: 1, activation: 'relu', padding: 'same' } as const;
  return sequential({
    layers: [
      layers.conv2d({ ...conv, filters: 8, strides: 2, inputShape: [28, 28, 1] }),
      layers.conv2d({ ...conv, filters: 16 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
}

function mnist(
  set: 'train' | 'test',
  first: number,
  count: number,
): { inputs: Float32Array; labels: Float32Array } {
  return readMnist(
    set,
    Array.from({ length: count }, (_, i) => first + i),
  );
}

function together({ inputs, labels }: { inputs: Float32Array; labels: Float32Array }): Float32Array {
  const all = new Float32Array(inputs.length + labels.length);
  all.set(inputs);
  all.set(labels, inputs.length);
  return all;
}

/** Of the model with these weights, on 2,000 test images. */
async function accuracyOf(model: LayersModel, weights: Float32Array): Promise<number> {
  setFlatWeights(model, weights);
  const { inputs, labels } = mnist('test', 0, 2_000);
  const said = model.predict(tf.tensor(inputs, [2_000, 28, 28, 1]), { batchSize: 500 }) as tf.Tensor2D;
  const right = tf.equal(tf.argMax(said, 1), tf.argMax(tf.tensor2d(labels, [2_000, 10]), 1));
  return (await tf.mean(tf.cast(right, 'float32')).data())[0] ?? NaN;
}

browserTest(
  'three tabs train a convolutional network on MNIST, through a reload and a cut connection in mid-round',
  async () => {
    await useWasmBackend();
    const pool = await startPool({ env: { CORS_ORIGINS: '*' } });
    const { apiKey, explora } = await pool.repo();
    const model = smallCnn();
    const { modelId } = await explora.uploadModel(await fromLayersModel(model));
    const data = Object.fromEntries(
      Array.from({ length: TABS }, (_, tab) => [
        `/data/${tab}`,
        () => together(mnist('train', tab * EXAMPLES, EXAMPLES)),
      ]),
    );
    const site = await browsing.site({ extra: testPages(data) });
    const [url = ''] = pool.gateways.map((gateway) => gateway.url);
    // Chromium's own "offline" leaves the sockets of workers alone; this network takes them with it.
    const network = await startTcpProxy({ port: Number(new URL(url).port) });
    closing.push(() => network.close());
    const urls = Array.from({ length: TABS }, (_, tab) =>
      tab === 1 ? [`http://${network.host}:${network.port}`] : [url],
    );
    const devices = await Promise.all(Array.from({ length: TABS }, () => browsing.device()));
    const pages = await Promise.all(devices.map((device) => device.newPage()));
    for (const [tab, page] of pages.entries()) {
      await page.goto(`${site}/test.html`);
      const shape = { inputShape: [28, 28, 1], labels: 10 };
      await join(page, { url: urls[tab] ?? [], apiKey, data: { path: `/data/${tab}`, ...shape } });
    }
    const session = await explora.submit({
      modelId,
      datasetId: 'data',
      hyperparams: {
        batchSize: 20,
        epochs: 3,
        optimizer: { type: 'adam', learningRate: 0.003 },
        metrics: ['accuracy'],
      },
      selection: { type: 'all', goal: TABS },
      continuation: { value: 1 },
      evaluation: { on: 'none' },
      termination: { maxRounds: 5 },
    });

    const [first, second, third] = pages as [(typeof pages)[0], (typeof pages)[0], (typeof pages)[0]];
    const isTraining = (page: typeof first) => async (): Promise<boolean> =>
      (await stateOf(page)) === 'training';
    await eventually(isTraining(first), { withinMs: 60_000 });
    // The same Library with the data that it kept goes on with the same assignment.
    await first.reload();
    await join(first, { url: [url], apiKey });
    await eventually(async () => (await roundsOf(second)).length >= 1, { withinMs: 60_000 });
    await eventually(isTraining(second), { withinMs: 60_000 });
    await devices[1]?.setOffline(true);
    network.cut();
    // The others wait for it.
    await eventually(async () => (await stateOf(third)) === 'idle', { withinMs: 60_000 });
    expect(['training', 'sending']).toContain(await stateOf(second));
    await devices[1]?.setOffline(false);
    network.resume();

    const view = await session.result();
    expect(view).toMatchObject({ state: 'completed', version: 5 });
    // Nobody's part was lost or waited for in vain.
    expect(
      view.history.map(({ attempt, updates, totalExamples }) => [attempt, updates, totalExamples]),
    ).toEqual(Array.from({ length: 5 }, () => [1, TABS, TABS * EXAMPLES]));
    const { weights } = await explora.downloadModel(view.resultModelId ?? '');
    expect(await accuracyOf(model, weights)).toBeGreaterThanOrEqual(0.9);

    for (const page of pages) {
      expect(await problemsOf(page)).toEqual([]);
      const rounds = await eventually(async () => {
        const all = await roundsOf(page);
        return all.at(-1)?.round === 5 ? all : null;
      });
      expect(new Set(rounds?.map(({ numTensors }) => numTensors)).size).toBe(1);
      for (const { sent } of rounds ?? []) {
        // The frame: parameters and a short header. Nothing of the 3 MB of data would fit in.
        expect(sent?.bytes).toBeGreaterThanOrEqual(weights.byteLength);
        expect(sent?.bytes).toBeLessThan(weights.byteLength + 1_000);
        expect(sent?.numExamples).toBe(EXAMPLES);
        expect(sent?.norm).toBeGreaterThan(0);
      }
    }
    // While its worker computed, a page on a machine of two cores still drew: no step of training is that short.
    expect(await longestGapMs(third)).toBeLessThan(1_000);
  },
  180_000,
);
