import '@tensorflow/tfjs-backend-cpu';
import { enableProdMode, setBackend, type DataType } from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { registerLayers } from '../tensors/layers/register.js';
import { sizeOfShape } from '../tensors/tensor-specs.js';

type WeightArguments = [name: string, shape: number[], dtype?: DataType, initializer?: unknown, ...unknown[]];
type AddWeight = (...args: WeightArguments) => layers.LayerVariable;

export class TooManyParams extends Error {}

/**
 * Builds a topology to look at it. Weights are zeros instead of what their initializers cost, and a topology with more
 * than `maxParams` of them fails before memory is taken for them.
 * @throws TooManyParams; whatever TF.js throws at a topology that it cannot build
 */
export async function withBuiltModel<T>(
  topology: Readonly<Record<string, unknown>>,
  maxParams: number,
  use: (model: layers.LayersModel) => T,
): Promise<T> {
  // Keeps TF.js from writing to the console.
  enableProdMode();
  await setBackend('cpu');
  registerLayers();
  const restore = boundWeights(maxParams);
  let model: layers.LayersModel | undefined;
  try {
    model = await layers.models.modelFromJSON(
      topology as unknown as Parameters<typeof layers.models.modelFromJSON>[0],
    );
    return use(model);
  } finally {
    restore();
    model?.dispose();
  }
}

function boundWeights(maxParams: number): () => void {
  const prototype = layers.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const original = prototype.addWeight;
  let left = maxParams;
  prototype.addWeight = function (...args) {
    const [name, shape, dtype, , regularizer, trainable, constraint] = args;
    left -= sizeOfShape(shape);
    if (left < 0)
      throw new TooManyParams(
        `at "${name}" it has more parameters than the ${maxParams} that the tensors add up to.`,
      );
    const zeros = layers.initializers.zeros();
    return original.call(this, name, shape, dtype, zeros, regularizer, trainable, constraint);
  };
  return () => {
    prototype.addWeight = original;
  };
}
