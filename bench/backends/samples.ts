import type * as core from '@tensorflow/tfjs-core';
import type * as tfLayers from '@tensorflow/tfjs-layers';

/**
 * The 2NN (199,210 parameters) and the CNN (1,663,370) of McMahan 2017, for MNIST; and two depthwise convolutions with
 * one of 1 × 1 between them, as MobileNet has.
 */
export type Network = '2nn' | 'cnn' | 'depthwise';
export type Tf = Omit<typeof core, 'default'> & Omit<typeof tfLayers, 'default'>;

export interface Measurement {
  readonly network: Network;
  readonly batchSize: number;
  readonly seconds: number;
}

/**
 * Trains on noise with SGD for so long. It is sent into a page as text, so it names nothing outside of itself.
 * @returns samples a second, the first two steps not counted
 */
export async function samplesPerSecond(call: Measurement & { readonly tf: Tf }): Promise<number> {
  const { tf, network, batchSize, seconds } = call;
  const { layers } = tf;
  const conv = { kernelSize: 5, activation: 'relu', padding: 'same' } as const;
  const hidden = { units: 200, activation: 'relu' } as const;
  const bodies = {
    '2nn': () => [layers.dense({ ...hidden, inputShape: [784] }), layers.dense(hidden)],
    cnn: () => [
      layers.conv2d({ ...conv, filters: 32, inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ ...conv, filters: 64 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 512, activation: 'relu' }),
    ],
    depthwise: () => [
      layers.conv2d({ ...conv, kernelSize: 1, filters: 32, inputShape: [28, 28, 1] }),
      layers.depthwiseConv2d({ ...conv, kernelSize: 3 }),
      layers.conv2d({ ...conv, kernelSize: 1, filters: 64 }),
      layers.depthwiseConv2d({ ...conv, kernelSize: 3, strides: 2 }),
      layers.globalAveragePooling2d({}),
    ],
  };
  const body = bodies[network]();
  const model = tf.sequential({ layers: [...body, layers.dense({ units: 10, activation: 'softmax' })] });
  const optimizer = tf.train.sgd(0.01);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const inputs = tf.randomUniform(network === '2nn' ? [batchSize, 784] : [batchSize, 28, 28, 1]);
  const labels = tf.oneHot(tf.zeros([batchSize], 'int32'), 10);
  const weight = model.getWeights()[0];
  for (let step = 0; step < 2; step++) await model.trainOnBatch(inputs, labels);
  await weight?.data();
  const startedMs = performance.now();
  let steps = 0;
  do {
    await model.trainOnBatch(inputs, labels);
    // What is only queued on a graphics card is not done yet.
    await model.getWeights()[0]?.data();
    steps += 1;
  } while (performance.now() - startedMs < seconds * 1000);
  const perSecond = (steps * batchSize * 1000) / (performance.now() - startedMs);
  model.dispose();
  optimizer.dispose();
  tf.dispose([inputs, labels]);
  return perSecond;
}
