import * as tf from '@tensorflow/tfjs-layers';
import { MNIST_CLASSES, MNIST_PIXELS } from './mnist.js';

const HIDDEN_UNITS = 200;
/** 784 × 200 + 200 + 200 × 200 + 200 + 200 × 10 + 10. */
export const TWO_NN_PARAMS = 199_210;

/**
 * The 2NN of McMahan 2017: two hidden layers of 200 ReLU units and a softmax over the ten digits. Pixels in, `[n, 784]`;
 * probabilities out, `[n, 10]`. The initialisers are seeded: the same seed gives the same version 0 on every machine.
 */
export function twoNn(seed: number): tf.LayersModel {
  const glorot = (layer: number): ReturnType<typeof tf.initializers.glorotUniform> =>
    tf.initializers.glorotUniform({ seed: seed + layer });
  const model = tf.sequential({ name: 'mnist-2nn' });
  model.add(
    tf.layers.dense({
      name: 'hidden1',
      inputShape: [MNIST_PIXELS],
      units: HIDDEN_UNITS,
      activation: 'relu',
      kernelInitializer: glorot(1),
    }),
  );
  model.add(
    tf.layers.dense({
      name: 'hidden2',
      units: HIDDEN_UNITS,
      activation: 'relu',
      kernelInitializer: glorot(2),
    }),
  );
  model.add(
    tf.layers.dense({
      name: 'digits',
      units: MNIST_CLASSES,
      activation: 'softmax',
      kernelInitializer: glorot(3),
    }),
  );
  return model;
}
