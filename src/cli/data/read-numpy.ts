import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import type { ArrayData } from '../../library/dataset.js';
import { dataError } from './data-error.js';
import { readNpy, type NpyArray } from './npy.js';
import type { DataOptions, ReadData } from './options.js';

const DEFAULT_ARRAYS = ['x', 'y'] as const;

/** Inputs and labels from an .npz, examples along their first dimension. @throws CliError (usage) */
export async function readNpz(file: string, options: DataOptions): Promise<ReadData> {
  const [inputsName, labelsName] = options.arrays ?? DEFAULT_ARRAYS;
  const wanted = [inputsName, labelsName].map((name) => `${name}.npy`);
  const seen: string[] = [];
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(await bytesOf(file), {
      filter: ({ name }) => {
        seen.push(name.replace(/\.npy$/, ''));
        return wanted.includes(name);
      },
    });
  } catch (error) {
    if (error instanceof Error && !('exitCode' in error)) {
      throw dataError({ file }, `this is no .npz that can be read: ${error.message}.`);
    }
    throw error;
  }
  const array = (name: string): NpyArray => {
    const bytes = files[`${name}.npy`];
    if (bytes !== undefined) return readNpy(bytes, `${file} (${name})`);
    const advice = 'Name them: --arrays <inputs>,<labels>.';
    throw dataError({ file }, `there is no array "${name}"; there are ${seen.join(', ')}.`, advice);
  };
  const inputs = array(inputsName);
  const labels = array(labelsName);
  const [numExamples = 0, ...inputShape] = inputs.shape;
  const [numLabels = 0, ...labelShape] = labels.shape;
  if (numExamples !== numLabels || numExamples === 0) {
    throw dataError(
      { file },
      `${numExamples} inputs in "${inputsName}", ${numLabels} labels in "${labelsName}".`,
    );
  }
  const data = {
    inputs: inputs.values,
    inputShape: inputShape.length === 0 ? [1] : inputShape,
    labels: labels.values,
    labelShape: labelShape.length === 0 ? [1] : labelShape,
  };
  return finish(file, data, numExamples, options);
}

/** A table of numbers in one array: rows, and a column with the label. @throws CliError (usage) */
export async function readNpyTable(file: string, options: DataOptions): Promise<ReadData> {
  const { shape, values } = readNpy(await bytesOf(file), file);
  const [rows = 0, width = 0] = shape;
  if (shape.length !== 2 || width < 2 || rows === 0) {
    throw dataError(
      { file },
      `a table has rows and at least two columns; this has shape [${shape.join(', ')}].`,
    );
  }
  const label = Number(options.label ?? '-1');
  const column = label < 0 ? width + label : label;
  if (!Number.isInteger(column) || column < 0 || column >= width) {
    throw dataError({ file }, `--label ${options.label} is no column: they are 0 to ${width - 1}.`);
  }
  const inputs = new Float32Array(rows * (width - 1));
  const labels = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const cells = values.subarray(row * width, (row + 1) * width);
    inputs.set(cells.subarray(0, column), row * (width - 1));
    inputs.set(cells.subarray(column + 1), row * (width - 1) + column);
    labels[row] = cells[column] ?? 0;
  }
  return finish(file, { inputs, inputShape: [width - 1], labels, labelShape: [1] }, rows, options);
}

function finish(
  file: string,
  data: ArrayData & { readonly inputs: Float32Array },
  numExamples: number,
  { scale = 'none' }: DataOptions,
): ReadData {
  if (scale === 'standard') {
    throw dataError({ file }, '--scale standard is for CSV; scale the array before it is saved.');
  }
  if (scale === '255') data.inputs.forEach((value, i) => (data.inputs[i] = value / 255));
  const normalisation = scale === 'none' ? 'values as they are' : 'values divided by 255';
  return { data, numExamples, classes: null, normalisation, skipped: 0 };
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw dataError({ file }, `cannot be read (${(error as Error).message}).`);
  }
}
