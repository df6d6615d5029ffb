import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flatten } from '../tensors/tensor-specs.js';
import type { ModelUpload } from './options.js';

/**
 * A TF.js layers model, ready for `uploadModel`. Only its types are imported: a page that does not use TF.js does not
 * load it.
 * @throws TypeError when a weight is not float32
 */
export async function fromLayersModel(model: LayersModel, name = model.name): Promise<ModelUpload> {
  const weights = model.getWeights();
  const tensors = model.weights.map((variable, i) => {
    const weight = weights[i];
    if (weight?.dtype !== 'float32') {
      throw new TypeError(`Weight "${variable.name}" is ${weight?.dtype}; only float32 can be trained here.`);
    }
    return { name: variable.name, shape: [...weight.shape], dtype: 'float32' as const };
  });
  const values = await Promise.all(weights.map((weight) => weight.data()));
  return {
    name,
    // The round trip drops what JSON has no word for.
    topology: JSON.parse(JSON.stringify(model.toJSON(null, false))) as Record<string, unknown>,
    tensors,
    weights: flatten(values.map((value) => Float32Array.from(value))),
  };
}
