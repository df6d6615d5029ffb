import { cast, oneHot, tensor, tensor1d, tensor2d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { sizeOfShape } from '../tensors/tensor-specs.js';
import { countExamples, type LocalData, type RowData, type Values } from './dataset.js';
import type { TrainRequest } from './trainer.js';

/** A data set as tensors. `owned` ones were made here and are disposed here. */
export interface DataTensors {
  readonly inputs: Tensor;
  readonly labels: Tensor;
  readonly numExamples: number;
  readonly owned: boolean;
}

/**
 * Tensors of a data set, as the model wants them.
 * @param outputUnits last dimension of the model's output: class numbers in rows become one-hot vectors of that length
 */
export function toTensors(
  data: LocalData,
  hyperparams: TrainRequest['hyperparams'],
  outputUnits: number,
): DataTensors {
  const numExamples = countExamples(data);
  if ('rows' in data) return { ...fromRows(data.rows, hyperparams, outputUnits), numExamples, owned: true };
  if (!('inputShape' in data)) return { ...data, numExamples, owned: false };
  const isOne = sizeOfShape(data.labelShape) === 1;
  return {
    inputs: tensor(plain(data.inputs), [numExamples, ...data.inputShape], 'float32'),
    labels: isOne
      ? oneEach(plain(data.labels), hyperparams, outputUnits)
      : tensor(plain(data.labels), [numExamples, ...data.labelShape], 'float32'),
    numExamples,
    owned: true,
  };
}

function fromRows(
  rows: RowData['rows'],
  hyperparams: TrainRequest['hyperparams'],
  outputUnits: number,
): { inputs: Tensor; labels: Tensor } {
  const { labelIndex } = hyperparams;
  const width = rows[0]?.length ?? 0;
  const column = labelIndex < 0 ? width + labelIndex : labelIndex;
  if (column < 0 || column >= width) {
    throw new RangeError(`hyperparams.labelIndex is ${labelIndex}, but rows have ${width} columns.`);
  }
  const flat = new Float32Array(rows.length * (width - 1));
  rows.forEach((row, r) => flat.set(row.toSpliced(column, 1), r * (width - 1)));
  const classes = rows.map((row) => row[column] ?? 0);
  const labels = oneEach(classes, hyperparams, outputUnits);
  return { inputs: tensor2d(flat, [rows.length, width - 1]), labels };
}

/** One number an example: a value, or the number of a class where the loss wants one output a class. */
function oneEach(
  values: Float32Array | Int32Array | Uint8Array | number[],
  { loss }: TrainRequest['hyperparams'],
  outputUnits: number,
): Tensor {
  if (loss !== 'categoricalCrossentropy' || outputUnits < 2) {
    return tensor2d(values, [values.length, 1], 'float32');
  }
  const odd = values.find((value) => !Number.isInteger(value) || value < 0 || value >= outputUnits);
  if (odd !== undefined) {
    throw new RangeError(`A label is ${odd}, but the model has the classes 0 to ${outputUnits - 1}.`);
  }
  return tidy(() => cast(oneHot(tensor1d(Array.from(values), 'int32'), outputUnits), 'float32'));
}

function plain(values: Values): Float32Array | Int32Array | Uint8Array | number[] {
  return Array.isArray(values) ? (values as number[]) : (values as Float32Array);
}
