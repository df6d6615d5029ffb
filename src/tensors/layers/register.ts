import { serialization } from '@tensorflow/tfjs-core';
import { batchNormalizationClass } from './batch-normalization.js';
import { gruClass } from './gru.js';
import { countRecurrentLosses } from './recurrent-losses.js';

let registered = false;

/**
 * Gives TensorFlow.js the layers of Keras that it lacks or that differ, under the names that they have in Keras. Once is
 * enough; before a model is built from a topology. Models that are built already stay as they are.
 */
export function registerLayers(): void {
  if (registered) return;
  registered = true;
  countRecurrentLosses();
  serialization.registerClass(gruClass());
  serialization.registerClass(batchNormalizationClass());
}
