import '@tensorflow/tfjs-backend-cpu';
import { enableProdMode, setBackend, type DataType } from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { TensorSpec } from '../protocol/model.js';
import { countParams, sizeOfShape } from '../tensors/tensor-specs.js';

export interface ModelCheck {
  /** `modelTopology` of a TF.js layers model. */
  readonly topology: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorSpec[];
}

/** Tells what is wrong with a model, or null. */
export interface ModelChecker {
  check(model: ModelCheck): Promise<string | null>;
  close(): Promise<void>;
}

type WeightArguments = [name: string, shape: number[], dtype?: DataType, initializer?: unknown, ...unknown[]];
type AddWeight = (...args: WeightArguments) => layers.LayerVariable;
const MESSAGE_CHARS = 300;

/**
 * Builds the topology and compares its weights with the tensors.
 * @returns what is wrong, in a sentence that names it, or null
 */
export async function checkModel({ topology, tensors }: ModelCheck): Promise<string | null> {
  // With a manifest TF.js would fetch weights from wherever it says.
  const stray = ['modelTopology', 'weightsManifest'].find((key) => key in topology);
  if (stray !== undefined)
    return `The topology is not the "modelTopology" itself: it has a field "${stray}".`;
  // Keeps TF.js from writing to the console.
  enableProdMode();
  await setBackend('cpu');
  const restore = boundWeights(countParams([...tensors]));
  let model: layers.LayersModel | undefined;
  try {
    model = await layers.models.modelFromJSON(
      topology as unknown as Parameters<typeof layers.models.modelFromJSON>[0],
    );
    return compare(model.weights, tensors);
  } catch (error) {
    return `The topology can not be built: ${shorten(error)}`;
  } finally {
    restore();
    model?.dispose();
  }
}

/**
 * Weights are zeros instead of what their initializers cost, and a topology that has more than it was uploaded with
 * fails before memory is taken for them.
 */
function boundWeights(maxParams: number): () => void {
  const prototype = layers.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const original = prototype.addWeight;
  let left = maxParams;
  prototype.addWeight = function (...args) {
    const [name, shape, dtype, , regularizer, trainable, constraint] = args;
    left -= sizeOfShape(shape);
    if (left < 0)
      throw new Error(
        `at "${name}" it has more parameters than the ${maxParams} that the tensors add up to.`,
      );
    const zeros = layers.initializers.zeros();
    return original.call(this, name, shape, dtype, zeros, regularizer, trainable, constraint);
  };
  return () => {
    prototype.addWeight = original;
  };
}

function compare(weights: readonly layers.LayerVariable[], tensors: readonly TensorSpec[]): string | null {
  for (const [i, weight] of weights.entries()) {
    const spec = tensors[i];
    if (spec === undefined) break;
    if (!sameName(spec.name, weight.originalName))
      return `Tensor ${i} is named "${spec.name}"; in the topology it is "${weight.originalName}".`;
    const shape = weight.shape.join(', ');
    if (shape !== spec.shape.join(', '))
      return `Tensor ${i} ("${spec.name}") has shape [${spec.shape.join(', ')}]; in the topology it is [${shape}].`;
  }
  if (weights.length === tensors.length) return null;
  return `There are ${tensors.length} tensors; the topology has ${weights.length} weights.`;
}

/** TF.js appends "_1" and so on to the name of a weight when the process has one of that name already. */
function sameName(given: string, original: string): boolean {
  return given === original || given.replace(/_\d+$/, '') === original;
}

function shorten(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  return text.length <= MESSAGE_CHARS ? text : `${text.slice(0, MESSAGE_CHARS)}…`;
}
