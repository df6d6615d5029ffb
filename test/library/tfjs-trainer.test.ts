import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { seededRandom } from '../../src/core/random.js';
import type { ArrayData, LocalData } from '../../src/library/dataset.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import { TfjsTrainer } from '../../src/library/tfjs-trainer.js';
import type { TrainRequest } from '../../src/library/trainer.js';
import { flatten } from '../../src/tensors/tensor-specs.js';

const INPUTS = 6;
const CLASSES = 3;

function makeModel(seed = 1): layers.LayersModel {
  const init = (n: number) => layers.initializers.glorotUniform({ seed: seed + n });
  return layers.sequential({
    layers: [
      layers.layers.dense({ inputShape: [INPUTS], units: 8, activation: 'relu', kernelInitializer: init(0) }),
      layers.layers.dense({ units: CLASSES, activation: 'softmax', kernelInitializer: init(1) }),
    ],
  });
}

function makeData(examples: number, seed = 7): ArrayData {
  const random = seededRandom(seed);
  const inputs = Float32Array.from({ length: examples * INPUTS }, () => random() * 2 - 1);
  const labels = new Float32Array(examples * CLASSES);
  for (let i = 0; i < examples; i++) {
    const [a = 0, b = 0] = inputs.subarray(i * INPUTS);
    labels[i * CLASSES + (a > 0.2 ? 0 : b > 0 ? 1 : 2)] = 1;
  }
  return { inputs, inputShape: [INPUTS], labels, labelShape: [CLASSES] };
}

const slice = (data: ArrayData, from: number, to: number): ArrayData => ({
  ...data,
  inputs: (data.inputs as Float32Array).slice(from * INPUTS, to * INPUTS),
  labels: (data.labels as Float32Array).slice(from * CLASSES, to * CLASSES),
});

const flat = (model: layers.LayersModel): Float32Array =>
  flatten(model.getWeights().map((weight) => weight.dataSync() as Float32Array));

function request(data: LocalData, overrides: Partial<TrainRequest> = {}): TrainRequest {
  return {
    topology,
    topologySha256: 'topology-1',
    global,
    hyperparams: {
      batchSize: 10_000,
      epochs: 1,
      shuffle: false,
      optimizer: { type: 'sgd', learningRate: 0.5 },
      loss: 'categoricalCrossentropy',
      metrics: ['accuracy'],
      labelIndex: -1,
    },
    evaluate: false,
    data,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...overrides,
  };
}

let topology: unknown;
let global: Float32Array;
let trainer: TfjsTrainer;

beforeAll(async () => {
  await useBestNodeBackend();
  const model = makeModel();
  topology = JSON.parse(JSON.stringify(model.toJSON(null, false)));
  global = flat(model);
  model.dispose();
  trainer = new TfjsTrainer();
});
afterAll(() => trainer.dispose());

describe('TfjsTrainer', () => {
  it('makes of class numbers what the loss wants, and refuses those that the model has no output for', async () => {
    const data = makeData(64);
    const oneHot = data.labels as Float32Array;
    const classes = Uint8Array.from({ length: 64 }, (_, i) => oneHot.indexOf(1, i * CLASSES) - i * CLASSES);
    const byNumber = { ...data, labels: classes, labelShape: [1] };
    expect((await trainer.train(request(byNumber))).delta).toEqual(
      (await trainer.train(request(data))).delta,
    );
    const wrong = { ...byNumber, labels: classes.map(() => CLASSES) };
    await expect(trainer.train(request(wrong))).rejects.toThrow(
      'A label is 3, but the model has the classes 0 to 2.',
    );
  });

  it('gives after − before, in the order of getWeights()', async () => {
    const data = makeData(64);
    const { delta, numExamples, metrics } = await trainer.train(request(data));
    const model = makeModel();
    model.compile({ optimizer: tf.train.sgd(0.5), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const [inputs, labels] = [
      tf.tensor2d(data.inputs as Float32Array, [64, INPUTS]),
      tf.tensor2d(data.labels as Float32Array, [64, CLASSES]),
    ];
    await model.fit(inputs, labels, { batchSize: 1_000, epochs: 1, shuffle: false, verbose: 0 });
    const after = flat(model);
    expect(numExamples).toBe(64);
    expect(Object.keys(metrics).sort()).toEqual(['accuracy', 'loss']);
    expect([...delta]).toEqual([...after].map((value, i) => Math.fround(value - global[i]!)));
    expect(Math.max(...delta)).toBeGreaterThan(0);
    tf.dispose([inputs, labels]);
    model.dispose();
  });

  it('averaged over parts, one full-batch step is a central gradient step', async () => {
    const data = makeData(90);
    const cuts = [0, 20, 50, 90];
    const mean = new Float64Array(global.length);
    for (let part = 0; part < 3; part++) {
      const [from = 0, to = 0] = cuts.slice(part);
      const { delta } = await trainer.train(request(slice(data, from, to)));
      delta.forEach((value, i) => (mean[i]! += (value * (to - from)) / 90));
    }
    const central = await trainer.train(request(data));
    mean.forEach((value, i) => expect(Math.abs(value - central.delta[i]!)).toBeLessThan(1e-5));
  });

  it('scores the version it received, not the one it made', async () => {
    const data = makeData(5_000);
    const learned = await trainer.train(request(data, { evaluate: true }));
    const further = global.map((value, i) => value + learned.delta[i]!);
    const next = await trainer.train(request(data, { evaluate: true, global: further }));
    expect(Object.keys(learned.evaluation ?? {}).sort()).toEqual(['accuracy', 'loss']);
    // One full batch: the training loss is that of the received version too.
    expect(learned.evaluation?.['loss']).toBeCloseTo(learned.metrics['loss']!, 4);
    expect(learned.evaluation?.['accuracy']).toBeCloseTo(learned.metrics['accuracy']!, 6);
    expect(next.evaluation!['loss']!).toBeLessThan(learned.evaluation!['loss']!);
  });

  it('learns from rows, with the label in any column', async () => {
    const data = makeData(40);
    const rows = Array.from({ length: 40 }, (_, i) => {
      const row = [...data.inputs.slice(i * INPUTS, (i + 1) * INPUTS)];
      row.splice(2, 0, [...data.labels.slice(i * CLASSES, (i + 1) * CLASSES)].indexOf(1));
      return row;
    });
    const base = request(data);
    const expected = await trainer.train(base);
    for (const labelIndex of [2, -5]) {
      const hyperparams = { ...base.hyperparams, labelIndex };
      const { delta } = await trainer.train(request({ rows }, { hyperparams }));
      expect([...delta]).toEqual([...expected.delta]);
    }
    const hyperparams = { ...base.hyperparams, labelIndex: 7 };
    await expect(trainer.train(request({ rows }, { hyperparams }))).rejects.toThrow(/labelIndex is 7/);
  });

  it.each(['sgd', 'momentum', 'adam', 'rmsprop', 'adagrad'] as const)(
    'lowers the loss with %s',
    async (type) => {
      const data = makeData(60);
      const base = request(data);
      const optimizer = { type, learningRate: 0.02 };
      const { metrics } = await trainer.train({
        ...base,
        hyperparams: { ...base.hyperparams, optimizer, epochs: 20 },
      });
      const { metrics: before } = await trainer.train(base);
      expect(metrics['loss']!).toBeLessThan(before['loss']!);
    },
  );

  it('keeps memory flat over rounds', async () => {
    const data = makeData(200);
    const base = request(data, { evaluate: true });
    const adam = { type: 'adam' as const, learningRate: 0.01 };
    const hyperparams = { ...base.hyperparams, batchSize: 32, epochs: 2, shuffle: true, optimizer: adam };
    await trainer.train({ ...base, hyperparams });
    const before = tf.memory();
    for (let round = 0; round < 20; round++) await trainer.train({ ...base, hyperparams });
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
  });

  it('stops when it is told to, and trains again afterwards', async () => {
    const data = makeData(200);
    const base = request(data);
    const controller = new AbortController();
    const hyperparams = { ...base.hyperparams, batchSize: 10, epochs: 10_000 };
    let epochs = 0;
    const onProgress = (): void => {
      epochs += 1;
      if (epochs === 3) controller.abort(new Error('moved on'));
    };
    await expect(
      trainer.train({ ...base, hyperparams, onProgress, signal: controller.signal }),
    ).rejects.toThrow('moved on');
    expect(epochs).toBeLessThan(6);
    const again = await trainer.train(base);
    expect(again.delta.some((value) => value !== 0)).toBe(true);
  });

  it('says so when model and parameters do not fit', async () => {
    await expect(trainer.train(request(makeData(5), { global: new Float32Array(3) }))).rejects.toThrow(
      /3 parameters; the model has 83/,
    );
  });

  it('dispose() frees all that it made', async () => {
    const before = tf.memory().numTensors;
    const own = new TfjsTrainer();
    await own.train(request(makeData(30)));
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    own.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
