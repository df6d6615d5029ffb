import type { TensorSpec } from '../../protocol/model.js';
import { LegacyError } from './legacy-error.js';

type Nested = number | Nested[];

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** A delta from all weights in one list, in the order of the model. @throws LegacyError */
export function deltaOfWeights(weights: unknown, global: Float32Array): Float32Array<ArrayBuffer> {
  const delta = new Float32Array(global.length);
  const filled = fill(delta, weights);
  if (filled !== global.length) throw wrong(`${filled} weights; the model has ${global.length}.`);
  delta.forEach((value, i) => (delta[i] = value - (global[i] ?? 0)));
  return checked(delta);
}

/** A delta from what was subtracted, tensor by tensor, each nested or flat. @throws LegacyError */
export function deltaOfGradients(
  gradients: unknown,
  tensors: readonly TensorSpec[],
): Float32Array<ArrayBuffer> {
  if (!Array.isArray(gradients) || gradients.length !== tensors.length) {
    throw wrong(`gradients of ${tensors.length} tensors are needed, one a weight of the model.`);
  }
  const delta = new Float32Array(tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  let at = 0;
  for (const [i, { name, shape }] of tensors.entries()) {
    const size = sizeOf(shape);
    const filled = fill(delta.subarray(at, at + size), gradients[i]);
    if (filled !== size) throw wrong(`${filled} gradients of "${name}"; it has ${size} weights.`);
    at += size;
  }
  delta.forEach((value, i) => (delta[i] = -value));
  return checked(delta);
}

/** What brings a client from one version to the next by subtraction. */
export function gradientsBetween(
  from: Float32Array,
  to: Float32Array,
  tensors: readonly TensorSpec[],
): Nested[] {
  let at = 0;
  return tensors.map(({ shape }) => {
    const size = sizeOf(shape);
    const step = Array.from({ length: size }, (_, i) => (from[at + i] ?? 0) - (to[at + i] ?? 0));
    at += size;
    return nest(step, shape);
  });
}

function nest(values: readonly number[], shape: readonly number[]): Nested {
  const [length = 0, ...inner] = shape;
  if (shape.length === 0) return values[0] ?? 0;
  if (inner.length === 0) return [...values];
  const size = sizeOf(inner);
  return Array.from({ length }, (_, i) => nest(values.slice(i * size, (i + 1) * size), inner));
}

/** Fills the target from nested lists. @returns how many numbers there were, also those that did not fit */
function fill(target: Float32Array, value: unknown, at = 0): number {
  if (typeof value === 'number') {
    if (at < target.length) target[at] = value;
    return at + 1;
  }
  if (!Array.isArray(value)) throw wrong('weights and gradients are lists of numbers.');
  for (const item of value) at = fill(target, item, at);
  return at;
}

function checked(delta: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  if (delta.every((value) => Number.isFinite(value))) return delta;
  throw wrong('a weight is infinite or too large.');
}

function wrong(message: string): LegacyError {
  return new LegacyError('NEW_UPDATE', `Error deserializing message: ${message}`);
}
