import { tensor, type io, type Tensor } from '@tensorflow/tfjs-core';
import { loadLayersModel, type LayersModel } from '@tensorflow/tfjs-layers';
import { registerLayers } from '../tensors/layers/register.js';
import { flatten, split } from '../tensors/tensor-specs.js';
import { addTensorMethods } from './tfjs-chained.js';

/** A layers model from its topology, with whatever weights its initialisers give. */
export function buildModel(topology: unknown): Promise<LayersModel> {
  addTensorMethods();
  registerLayers();
  return loadLayersModel({
    load: async () => ({ modelTopology: (topology as io.ModelArtifacts['modelTopology']) ?? {} }),
  });
}

/**
 * Sets all weights from the flat vector.
 * @throws RangeError when the model has another number of parameters
 */
export function setFlatWeights(model: LayersModel, flat: Float32Array): void {
  const specs = model.weights.map(({ name, shape }) => ({
    name,
    shape: shape.map((size) => size ?? 0),
    dtype: 'float32' as const,
  }));
  const tensors = split(flat, specs).map((values, i) => tensor(values, specs[i]?.shape, 'float32'));
  model.setWeights(tensors);
  // The variables hold the values now; these are only the handles.
  tensors.forEach((handle) => handle.dispose());
}

/** Copies all weights into one flat vector, in the order of `model.getWeights()`. */
export async function getFlatWeights(model: LayersModel): Promise<Float32Array> {
  // getWeights() hands out the variables' own tensors: not ours to dispose.
  const values = await Promise.all(model.getWeights().map((weight: Tensor) => weight.data()));
  return flatten(values.map((value) => Float32Array.from(value)));
}

/** Units of the last layer, e.g. the number of classes. */
export function outputUnits(model: LayersModel): number {
  return (model.outputs[0]?.shape ?? []).at(-1) ?? 1;
}
