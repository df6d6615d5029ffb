import type { LayerVariable } from '@tensorflow/tfjs-layers';
import type { TensorSpec } from '../protocol/model.js';
import { countParams } from '../tensors/tensor-specs.js';
import { withBuiltModel } from './build-model.js';

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
  try {
    return await withBuiltModel(topology, countParams([...tensors]), ({ weights }) =>
      compare(weights, tensors),
    );
  } catch (error) {
    return `The topology can not be built: ${shorten(error)}`;
  }
}

function compare(weights: readonly LayerVariable[], tensors: readonly TensorSpec[]): string | null {
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
