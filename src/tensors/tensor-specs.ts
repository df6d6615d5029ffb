/** One tensor of a model, in the order in which the model lists its weights. */
export interface TensorSpec {
  name: string;
  /** Sizes of the dimensions; `[]` is a scalar. */
  shape: number[];
  dtype: 'float32';
}

/**
 * Number of values in a tensor of this shape: the product, 1 for a scalar.
 * @throws RangeError when a dimension is not a whole number from 0, or the product is not exact.
 */
export function sizeOfShape(shape: readonly number[]): number {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (
    !Number.isSafeInteger(size) ||
    shape.some((dimension) => !Number.isSafeInteger(dimension) || dimension < 0)
  ) {
    throw new RangeError(`Shape [${shape.join(', ')}] must consist of whole numbers from 0.`);
  }
  return size;
}

/** Number of parameters of a model: the length of its flattened vector. */
export function countParams(specs: readonly TensorSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0);
}

/** Copies tensors one after another into the flattened vector. */
export function flatten(tensors: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(tensors.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const tensor of tensors) {
    flat.set(tensor, start);
    start += tensor.length;
  }
  return flat;
}

/**
 * The tensors of a flattened vector, as views on it: nothing is copied, and writing to one writes to `flat`.
 * @throws RangeError when the vector has another length than the specs add up to.
 */
export function split(flat: Float32Array, specs: readonly TensorSpec[]): Float32Array[] {
  requireLength('The vector', flat.length, countParams(specs));
  let start = 0;
  return specs.map(({ shape }) => {
    const end = start + sizeOfShape(shape);
    const view = flat.subarray(start, end);
    start = end;
    return view;
  });
}

/**
 * The delta `local − global` of an update, both flattened.
 * @throws RangeError when the lengths differ.
 */
export function subtract(local: Float32Array, global: Float32Array): Float32Array<ArrayBuffer> {
  requireLength('The local vector', local.length, global.length);
  const delta = new Float32Array(local.length);
  for (let i = 0; i < delta.length; i++) delta[i] = (local[i] ?? 0) - (global[i] ?? 0);
  return delta;
}

function requireLength(what: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new RangeError(`${what} has ${actual} parameters; the model has ${expected}.`);
}
