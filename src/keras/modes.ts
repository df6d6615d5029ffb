import { isKerasObject, type KerasObject } from './json.js';

const RANDOM = new Set(['Dropout', 'SpatialDropout1D', 'GaussianNoise', 'GaussianDropout', 'AlphaDropout']);

/** Whether a layer, or model, does the same in training as in inference: then it makes no difference how it is called. */
export function isSameInTraining({ class_name: className, config }: KerasObject): boolean {
  if (RANDOM.has(className)) return false;
  if (className === 'BatchNormalization' && config['trainable'] !== false) return false;
  if (['dropout', 'recurrent_dropout'].some((field) => Number(config[field] ?? 0) > 0)) return false;
  const layers = Array.isArray(config['layers']) ? config['layers'] : [];
  return [...layers, config['layer'] ?? null].every((one) => !isKerasObject(one) || isSameInTraining(one));
}
