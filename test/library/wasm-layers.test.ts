import { beforeAll, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { layers, sequential, type Sequential } from '@tensorflow/tfjs-layers';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';
import { addTensorMethods } from '../../src/library/tfjs-chained.js';

type Layer = Parameters<Sequential['add']>[0];
interface Net {
  readonly input: number[];
  readonly body: (first: { inputShape: number[] }) => Layer[];
  /** Inputs are whole numbers below this. */
  readonly words?: number;
}

const image = [8, 8, 3];
const conv =
  (more: object) =>
  (first: object): Layer[] => [
    layers.conv2d({ ...first, filters: 4, kernelSize: 3, activation: 'relu', ...more }),
  ];
const after =
  (...rest: (() => Layer)[]) =>
  (first: object): Layer[] => [
    layers.conv2d({ ...first, filters: 4, kernelSize: 3, padding: 'same', activation: 'tanh' }),
    ...rest.map((make) => make()),
  ];
const dense =
  (...rest: (() => Layer)[]) =>
  (first: object): Layer[] => [layers.dense({ ...first, units: 6 }), ...rest.map((make) => make())];

/** What usual models are made of; two of a kind where the second one sends its gradient through the first. */
const NETS: Record<string, Net> = {
  dense: { input: [5], body: dense(() => layers.dense({ units: 4, activation: 'sigmoid' })) },
  conv1d: {
    input: [9, 3],
    body: (first) => [
      layers.conv1d({ ...first, filters: 4, kernelSize: 3, padding: 'same' }),
      layers.conv1d({ filters: 3, kernelSize: 2, strides: 2 }),
    ],
  },
  'conv2d, valid': { input: image, body: conv({}) },
  'conv2d, same, strides': {
    input: image,
    body: (first) => [...conv({ padding: 'same', strides: 2 })(first), ...conv({ strides: [1, 2] })({})],
  },
  'conv2d, 1 × 1': { input: image, body: after(() => layers.conv2d({ filters: 5, kernelSize: 1 })) },
  conv2dTranspose: {
    input: image,
    body: after(() => layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' })),
  },
  depthwiseConv2d: {
    input: image,
    body: after(() =>
      layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', strides: 2 }),
    ),
  },
  separableConv2d: { input: image, body: after(() => layers.separableConv2d({ filters: 5, kernelSize: 3 })) },
  conv3d: {
    input: [5, 5, 5, 2],
    body: (first) => [
      layers.conv3d({ ...first, filters: 3, kernelSize: 2, padding: 'same' }),
      layers.maxPooling3d({}),
      layers.conv3d({ filters: 2, kernelSize: 2, strides: 1 }),
    ],
  },
  'max pooling, overlapping': {
    input: image,
    body: after(() => layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  },
  'average pooling': {
    input: image,
    body: after(() => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  },
  'global pooling': { input: image, body: after(() => layers.globalAveragePooling2d({})) },
  'global max pooling': { input: image, body: after(() => layers.globalMaxPooling2d({})) },
  'pooling 1d': {
    input: [9, 3],
    body: (first) => [
      layers.conv1d({ ...first, filters: 4, kernelSize: 2 }),
      layers.maxPooling1d({}),
      layers.averagePooling1d({}),
    ],
  },
  'up sampling, bilinear': {
    input: image,
    body: after(() => layers.upSampling2d({ interpolation: 'bilinear' })),
  },
  'padding, cropping': {
    input: image,
    body: after(
      () => layers.zeroPadding2d({}),
      () =>
        layers.cropping2D({
          cropping: [
            [2, 1],
            [1, 2],
          ],
        }),
    ),
  },
  batchNormalization: { input: image, body: after(() => layers.batchNormalization({})) },
  layerNormalization: { input: [7], body: dense(() => layers.layerNormalization({})) },
  embedding: {
    input: [6],
    words: 20,
    body: (first) => [layers.embedding({ ...first, inputDim: 20, outputDim: 5 })],
  },
  'lstm on an embedding': {
    input: [6],
    words: 20,
    body: (first) => [layers.embedding({ ...first, inputDim: 20, outputDim: 5 }), layers.lstm({ units: 4 })],
  },
  gru: {
    input: [5, 3],
    body: (first) => [
      layers.gru({ ...first, units: 4, returnSequences: true }),
      layers.simpleRNN({ units: 3 }),
    ],
  },
  bidirectional: {
    input: [5, 3],
    body: (first) => [
      layers.bidirectional({ ...first, layer: layers.lstm({ units: 3 }), mergeMode: 'concat' }),
    ],
  },
  'time distributed': {
    input: [4, 3],
    body: (first) => [
      layers.timeDistributed({ ...first, layer: layers.dense({ units: 2 }) }),
      layers.permute({ dims: [2, 1] }),
    ],
  },
  'repeat vector': {
    input: [5],
    body: dense(
      () => layers.repeatVector({ n: 3 }),
      () => layers.lstm({ units: 2 }),
    ),
  },
  ...Object.fromEntries(
    (
      [
        'elu',
        'selu',
        'relu6',
        'softplus',
        'softsign',
        'hardSigmoid',
        'swish',
        'mish',
        'gelu',
        'softmax',
        'tanh',
        'linear',
      ] as const
    ).map((activation) => [
      activation,
      { input: [6], body: dense(() => layers.activation({ activation })) } satisfies Net,
    ]),
  ),
  leakyReLU: { input: [6], body: dense(() => layers.leakyReLU({ alpha: 0.2 })) },
  prelu: { input: [6], body: dense(() => layers.prelu({ alphaInitializer: 'ones' })) },
};

beforeAll(async () => {
  addTensorMethods();
  expect(await useWasmBackend()).toBe('wasm');
});

const noise = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233));

/** All weights after two steps on six examples, from the same start each time. */
async function learned(
  net: Net,
  backend: 'wasm' | 'cpu',
): Promise<{ names: string[]; weights: Float32Array[] }> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const model = sequential({ layers: net.body({ inputShape: net.input }) });
  if (model.outputs[0]!.shape.length > 2) model.add(layers.flatten());
  model.add(layers.dense({ units: 3 }));
  const values = noise(6 * net.input.reduce((a, b) => a * b, 1), 1);
  const inputs = tf.tensor(
    net.words === undefined ? values : values.map((v) => Math.floor(Math.abs(v) * (net.words ?? 0))),
    [6, ...net.input],
  );
  const labels = tf.tensor(noise(18, 2), [6, 3]);
  const start = model.weights.map(({ shape, name }, i) => {
    const drawn = noise(
      shape.reduce<number>((a, b) => a * (b ?? 1), 1),
      3 + i,
    ).map((v) => v * 0.5);
    // A variance is positive.
    return tf.tensor(name.includes('variance') ? drawn.map((v) => v * v + 0.5) : drawn, shape as number[]);
  });
  model.setWeights(start);
  const optimizer = tf.train.sgd(0.01);
  model.compile({ optimizer, loss: 'meanSquaredError' });
  for (let step = 0; step < 2; step++) await model.trainOnBatch(inputs, labels);
  const result = {
    names: model.weights.map(({ name }) => name),
    weights: model.getWeights().map((w) => w.dataSync().slice() as Float32Array),
  };
  tf.dispose([inputs, labels, ...start]);
  model.dispose();
  optimizer.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return result;
}

it.each(Object.entries(NETS))(
  '%s learns on WebAssembly what it learns on the CPU backend',
  async (_, net) => {
    const expected = await learned(net, 'cpu');
    const actual = await learned(net, 'wasm');
    actual.weights.forEach((weights, w) => {
      const worst = weights.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - expected.weights[w]![i]!)),
        0,
      );
      expect([actual.names[w], worst]).toEqual([actual.names[w], expect.closeTo(0, 4)]);
    });
  },
);
