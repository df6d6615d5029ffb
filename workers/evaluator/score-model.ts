import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { Hyperparams } from '../../src/core/job.js';
import type { Metrics } from '../../src/core/session.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import type { TensorSpec } from '../../src/protocol/model.js';
import { split } from '../../src/tensors/tensor-specs.js';
import type { TestSet } from './load-test-set.js';

const BATCH_SIZE = 512;

export interface ScoreInput {
  readonly topology: string;
  readonly tensors: readonly TensorSpec[];
  /** All parameters, flattened in the order of `tensors`. */
  readonly weights: Float32Array;
  readonly testSet: TestSet;
  readonly scoring: Pick<Hyperparams, 'loss' | 'metrics'>;
}

/** Loss and metrics of the model on the test set, as `model.evaluate` gives them. */
export async function scoreModel(input: ScoreInput): Promise<Metrics> {
  await useBestNodeBackend();
  const { testSet, scoring } = input;
  const model = await layers.models.modelFromJSON(
    JSON.parse(input.topology) as Parameters<typeof layers.models.modelFromJSON>[0],
  );
  try {
    setWeights(model, input);
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

function setWeights(model: layers.LayersModel, { weights, tensors }: ScoreInput): void {
  const values = split(weights, [...tensors]).map((data, i) => tf.tensor(data, tensors[i]?.shape));
  model.setWeights(values);
  tf.dispose(values);
}
