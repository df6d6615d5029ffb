import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Explora } from '../explora/explora.js';
import type { TrainingDefaults } from '../keras/training.js';
import type { JobInput } from '../protocol/job.js';
import type { ModelRecord } from '../protocol/model.js';
import { modelId as modelIdSchema } from '../protocol/ids.js';
import { usageError } from './errors.js';
import { integer } from './format.js';
import { applySettings } from './set-option.js';

export interface JobSources {
  readonly job: string;
  /** A Keras or TF.js model on disk, or the id of an uploaded one; absent: the job names its model. */
  readonly model?: string;
  /** A file with what becomes the field `probe`. */
  readonly probe?: string;
  readonly set?: readonly string[];
}

/** The job from its file with what the flags change, its model uploaded. The pool checks it: it knows the rules best. */
export async function prepareJob(
  explora: Explora,
  { job, model, probe, set = [] }: JobSources,
  note: (line: string) => void,
): Promise<JobInput> {
  const given = await readJson(job, 'job');
  const whole = probe === undefined ? given : { ...given, probe: await readJson(probe, 'probe') };
  const settled = applySettings(whole, set);
  if (model === undefined) return withModel(settled, settled['modelId']);
  // A name that is no file and could be an id is one: the pool says if it has no such model.
  if (!existsSync(model) && modelIdSchema.safeParse(model).success && !/\.(json|h5|hdf5|keras)$/i.test(model))
    return withModel(settled, model);
  const { modelId, training } = await uploadFile(explora, model, note);
  return withModel(withDefaults(settled, training, note), modelId);
}

function withModel(settled: Record<string, unknown>, modelId: unknown): JobInput {
  if (typeof modelId !== 'string') {
    throw usageError(
      'The job names no model.',
      'Give --model <model.h5, model.keras, model.json or id>, or a modelId in the job.',
    );
  }
  return { ...settled, modelId } as JobInput;
}

/** Hyperparameters that the job leaves open are those that the model was compiled with. */
function withDefaults(
  settled: Record<string, unknown>,
  training: TrainingDefaults | null,
  note: (line: string) => void,
): Record<string, unknown> {
  const given = settled['hyperparams'] ?? {};
  if (training === null || typeof given !== 'object') return settled;
  const taken = Object.keys(training).filter((field) => !Object.hasOwn(given, field));
  if (taken.length > 0) note(`From the model's compile settings: ${taken.join(', ')}.`);
  return { ...settled, hyperparams: { ...training, ...given } };
}

/** Uploads a model from disk, and says what of it is left out. */
export async function uploadFile(
  explora: Explora,
  file: string,
  note: (line: string) => void,
): Promise<{ modelId: string; training: TrainingDefaults | null; record: ModelRecord }> {
  const { loadModel } = await import('./load-model.js');
  const { upload, training, notes } = await loadModel(file);
  const record = await explora.uploadModel(upload);
  notes.forEach(note);
  note(`Model ${record.modelId} is uploaded (${integer(record.parameters.paramCount)} parameters).`);
  return { modelId: record.modelId, training, record };
}

/** @throws CliError (usage) when it can not be read or is no JSON object */
async function readJson(file: string, what: string): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`The ${what} ${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    const value = JSON.parse(content) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    throw usageError(`The ${what} ${file} is not valid JSON: ${(error as Error).message}`);
  }
  throw usageError(`The ${what} ${file} is not a JSON object.`);
}
