import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { tensor } from '@tensorflow/tfjs-core';
import { split } from '../../src/tensors/tensor-specs.js';
import { buildModel, setFlatWeights } from '../../src/library/tfjs-model.js';
import type { KerasModel } from '../../src/keras/read-keras-model.js';

interface Values {
  readonly shape: number[];
  readonly values: number[];
}

export interface Expected {
  readonly refused: boolean;
  readonly params: number;
  readonly inputs: Values[];
  readonly outputs: Values[];
}

export const FOLDER = path.join(import.meta.dirname, 'fixtures');

export const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.h5') || file.endsWith('.keras'))
  .sort();

export function fixture(file: string): Uint8Array {
  return readFileSync(path.join(FOLDER, file));
}

export function expectedOf(file: string): Expected {
  return JSON.parse(readFileSync(path.join(FOLDER, 'expected', `${file}.json`), 'utf8')) as Expected;
}

export const READABLE = NAMES.filter((file) => !expectedOf(file).refused);

/** Largest difference between what TF.js answers and what Keras answered. */
export async function largestError(
  { topology, parameters }: Pick<KerasModel, 'topology' | 'parameters'>,
  { inputs, outputs }: Expected,
): Promise<number> {
  const model = await buildModel(topology);
  setFlatWeights(model, parameters);
  const made = model.predict(inputs.map(({ shape, values }) => tensor(values, shape)));
  const answers = Array.isArray(made) ? made : [made];
  if (answers.length !== outputs.length) return Infinity;
  let largest = 0;
  for (const [i, answer] of answers.entries()) {
    const expected = outputs[i];
    if (expected?.shape.join() !== answer.shape.join()) return Infinity;
    const values = answer.dataSync();
    expected.values.forEach((value, j) => {
      largest = Math.max(largest, Math.abs(value - (values[j] ?? NaN)));
    });
  }
  model.dispose();
  return largest;
}

/** Bytes of each tensor, for comparing bit by bit. */
export function bits({
  tensors,
  parameters,
}: Pick<KerasModel, 'tensors' | 'parameters'>): Map<string, string> {
  const parts = split(parameters, tensors);
  return new Map(
    tensors.map(({ name }, i) => {
      const { buffer, byteOffset, byteLength } = parts[i] ?? new Float32Array();
      return [name, Buffer.from(buffer, byteOffset, byteLength).toString('base64')];
    }),
  );
}
