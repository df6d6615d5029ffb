import type { Tensor } from '@tensorflow/tfjs-core';
import { sizeOfShape } from '../tensors/tensor-specs.js';

/** Plain numbers, one example after another. */
export type Values = Float32Array | Int32Array | Uint8Array | readonly number[];

/** Tensors of TensorFlow.js, examples along the first dimension. They stay the caller's: dispose them after `leave()`. */
export interface TensorData {
  readonly inputs: Tensor;
  readonly labels: Tensor;
}

/**
 * Flat values with the shape of one example, e.g. `inputShape: [28, 28, 1], labelShape: [10]`. With one label an example
 * (`labelShape: [1]`) class numbers will do for `categoricalCrossentropy`, too: they become what the model has outputs for.
 */
export interface ArrayData {
  readonly inputs: Values;
  readonly inputShape: readonly number[];
  readonly labels: Values;
  readonly labelShape: readonly number[];
}

/** A table; the job's `hyperparams.labelIndex` says which column is the label. */
export interface RowData {
  readonly rows: readonly (readonly number[])[];
}

/** Data that stays here: only what is learned from it leaves. */
export type LocalData = TensorData | ArrayData | RowData;

/**
 * How many examples there are, having checked that inputs and labels agree.
 * @throws TypeError that names what does not fit
 */
export function countExamples(data: LocalData): number {
  if ('rows' in data) return countRows(data.rows);
  const [inputs, labels] =
    'inputShape' in data
      ? [count('inputs', data.inputs, data.inputShape), count('labels', data.labels, data.labelShape)]
      : [data.inputs.shape[0] ?? 0, data.labels.shape[0] ?? 0];
  if (inputs !== labels) throw new TypeError(`There are ${inputs} inputs but ${labels} labels.`);
  if (inputs === 0) throw new TypeError('The data set is empty.');
  return inputs;
}

function count(what: string, values: Values, shape: readonly number[]): number {
  const examples = values.length / sizeOfShape(shape);
  if (Number.isInteger(examples)) return examples;
  throw new TypeError(`${values.length} ${what} are not a whole number of examples [${shape.join(', ')}].`);
}

function countRows(rows: RowData['rows']): number {
  const width = rows[0]?.length ?? 0;
  if (width < 2) throw new TypeError('Rows need at least one input and the label.');
  const odd = rows.findIndex((row) => row.length !== width);
  if (odd >= 0) throw new TypeError(`Row ${odd} has ${rows[odd]?.length} values; row 0 has ${width}.`);
  return rows.length;
}
