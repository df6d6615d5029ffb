import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { tensor } from '@tensorflow/tfjs-core';
import { unzipSync, zipSync } from 'fflate';
import h5wasm, { type File } from 'h5wasm';
import { TfjsTrainer } from '../../src/library/tfjs-trainer.js';
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
  /** After two steps of SGD with the rate 0.1 and the mean squared error, on the inputs towards zero. */
  readonly afterTraining?: Values[];
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

/** A .keras with some of its files replaced. */
export function altered(file: string, changes: Record<string, Uint8Array>): Uint8Array {
  return zipSync({ ...unzipSync(fixture(file)), ...changes });
}

/** A .h5 with something done to it. */
export async function opened(file: string, change: (h5: File) => void): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  FS.writeFile('/opened.h5', fixture(file));
  const h5 = new h5wasm.File('/opened.h5', 'a');
  change(h5);
  h5.close();
  return FS.readFile('/opened.h5');
}

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

/** The parameters after two steps of SGD, as a Library makes them. */
export async function trained(
  { topology, parameters }: Pick<KerasModel, 'topology' | 'parameters'>,
  { inputs: [inputs], outputs: [outputs] }: Expected,
): Promise<Float32Array> {
  if (inputs === undefined || outputs === undefined) throw new Error('Nothing to train on.');
  const [numExamples = 0, ...inputShape] = inputs.shape;
  const trainer = new TfjsTrainer();
  const { delta } = await trainer.train({
    topology,
    topologySha256: 'any',
    global: parameters,
    hyperparams: {
      batchSize: numExamples,
      epochs: 2,
      shuffle: false,
      optimizer: { type: 'sgd', learningRate: 0.1 },
      loss: 'meanSquaredError',
      metrics: [],
      labelIndex: -1,
    },
    evaluate: false,
    data: {
      inputs: Float32Array.from(inputs.values),
      inputShape,
      labels: new Float32Array(outputs.values.length),
      labelShape: outputs.shape.slice(1),
    },
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  trainer.dispose();
  return parameters.map((value, i) => value + (delta[i] ?? NaN));
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
