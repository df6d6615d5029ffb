import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomUniform, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { ModelUpload } from '../explora/options.js';
import { checkModel } from '../keras/check-model.js';
import { checkProbe, parseProbe } from '../keras/probe.js';
import { readKerasModel } from '../keras/read-keras-model.js';
import { writeKerasModel } from '../keras/write-keras-model.js';
import { useBestNodeBackend } from '../library/tf-backend-node.js';
import { buildModel, setFlatWeights } from '../library/tfjs-model.js';
import { CliError, EXIT, usageError } from './errors.js';
import { loadModel } from './load-model.js';
import { writeTfjsModel } from './write-model.js';

export interface Converted {
  readonly name: string;
  readonly params: number;
  readonly files: readonly string[];
  /** How far the model answers from what the probes say, that of the file and the one beside it; null: there is none. */
  readonly probed: number | null;
  readonly notes: readonly string[];
}

/** Two ways to the same function may add in another order. */
const TOLERANCE = 1e-5;

/**
 * Converts a model on this machine: a Keras file or a TF.js layers model, into a Keras file (a name that ends in .h5 or
 * .keras) or a folder with a TF.js layers model. What is to be written is read again first: it must have the same
 * weights, bit by bit, and give the same answers.
 * @param probe a file with a probe, beside the one that `from` may have
 * @throws CliError, and CloudNodeError when the model can not be converted
 */
export async function convertModel(from: string, to: string, probe?: string): Promise<Converted> {
  const { upload, probed: own, notes } = await loadModel(from);
  const { name, topology, tensors, weights } = upload;
  const problem = await checkModel({ topology, tensors });
  if (problem !== null) throw new CliError(EXIT.failed, `${from} is not whole. ${problem}`);
  const beside = probe === undefined ? null : await answerTo(probe, upload);
  const probed = own === null || beside === null ? (own ?? beside) : Math.max(own, beside);
  const done = { name: name ?? 'model', params: weights.length, probed, notes };
  const format = /\.(h5|keras)$/i.exec(to)?.[1]?.toLowerCase() as 'h5' | 'keras' | undefined;
  if (format === undefined) {
    const files = await writeTfjsModel(to, { topology, tensors, weights });
    return { ...done, files: files.map((file) => path.join(to, file)) };
  }
  const bytes = await writeKerasModel({
    topology,
    tensors,
    parameters: weights,
    format,
  });
  const { topology: again, parameters } = await readKerasModel(bytes);
  await requireSame(upload, { topology: again, weights: parameters });
  await writeFile(to, bytes);
  return { ...done, files: [to] };
}

/** @returns how far the model answers from what the file says */
async function answerTo(file: string, { topology, tensors, weights }: ModelUpload): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`The probe ${file} cannot be read: ${(error as Error).message}`);
  }
  return checkProbe({ topology, tensors, parameters: weights }, parseProbe(text));
}

type Model = Pick<ModelUpload, 'topology' | 'weights'>;

async function requireSame(before: Model, after: Model): Promise<void> {
  const bytesOf = ({ weights }: Model): Buffer =>
    Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength);
  const isSame =
    bytesOf(before).equals(bytesOf(after)) && (await largestDifference(before, after)) <= TOLERANCE;
  if (!isSame)
    throw new CliError(EXIT.failed, 'The converted model is not what it was, so nothing is written.');
}

/** Of what both answer to noise. */
async function largestDifference(before: Model, after: Model): Promise<number> {
  await useBestNodeBackend();
  const models = await Promise.all([buildModel(before.topology), buildModel(after.topology)]);
  models.forEach((model, i) => setFlatWeights(model, (i === 0 ? before : after).weights));
  try {
    return tidy(() => {
      const [first, second] = models;
      const inputs = first.inputs.map(({ shape, dtype }) =>
        // Below 2, which is a word that each embedding knows.
        randomUniform(
          shape.map((size, axis) => size ?? (axis === 0 ? 2 : 4)),
          0,
          2,
          dtype as 'float32',
          'any',
        ),
      );
      const values = [first, second].map((model) => {
        const made = model.predict(inputs);
        const answers: Tensor[] = Array.isArray(made) ? made : [made];
        return answers.flatMap((answer) => [...answer.dataSync()]);
      });
      const [expected = [], actual = []] = values;
      return Math.max(
        expected.length === actual.length ? 0 : Infinity,
        ...expected.map((value, i) => Math.abs(value - (actual[i] ?? NaN)) / (1 + Math.abs(value))),
      );
    });
  } finally {
    models.forEach((model) => model.dispose());
  }
}
