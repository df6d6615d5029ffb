import * as tf from '@tensorflow/tfjs-core';
import type { Hyperparams } from '../../src/core/job.js';
import type { Metrics } from '../../src/core/session.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import { buildModel, setFlatWeights } from '../../src/library/tfjs-model.js';
import type { TestSet } from './load-test-set.js';

const BATCH_SIZE = 512;

export interface ScoreInput {
  readonly topology: string;
  /** All parameters, flattened in the order of `model.getWeights()`. */
  readonly weights: Float32Array;
  readonly testSet: TestSet;
  readonly scoring: Pick<Hyperparams, 'loss' | 'metrics'>;
}

/** Loss and metrics of the model on the test set, as `model.evaluate` gives them. */
export async function scoreModel(input: ScoreInput): Promise<Metrics> {
  await useBestNodeBackend();
  const { testSet, scoring } = input;
  const model = await buildModel(JSON.parse(input.topology));
  try {
    setFlatWeights(model, input.weights);
    model.compile({ optimizer: 'sgd', loss: scoring.loss, metrics: [...scoring.metrics] });
    const result = tf.tidy(() => {
      const x = tf.tensor(testSet.inputs, [testSet.numExamples, ...testSet.inputShape]);
      const y = tf.tensor(testSet.labels, [testSet.numExamples, ...testSet.labelShape]);
      const scalars = model.evaluate(x, y, { batchSize: BATCH_SIZE });
      const list: tf.Scalar[] = Array.isArray(scalars) ? scalars : [scalars];
      return list.map((scalar): number => scalar.arraySync());
    });
    const names = ['loss', ...scoring.metrics.map((name) => (name === 'acc' ? 'accuracy' : name))];
    const entries = names.map((name, i): [string, number] => [name, result[i] ?? NaN]);
    return Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));
  } finally {
    model.dispose();
  }
}
