import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Explora } from '../explora/explora.js';
import type { JobInput } from '../protocol/job.js';
import { modelId as modelIdSchema } from '../protocol/ids.js';
import { usageError } from './errors.js';
import { integer } from './format.js';
import { applySettings } from './set-option.js';

export interface JobSources {
  readonly job: string;
  /** A TF.js model on disk, or the id of an uploaded one; absent: the job names its model. */
  readonly model?: string;
  readonly set?: readonly string[];
}

/** The job from its file with what the flags change, its model uploaded. The pool checks it: it knows the rules best. */
export async function prepareJob(
  explora: Explora,
  { job, model, set = [] }: JobSources,
  note: (line: string) => void,
): Promise<JobInput> {
  const settled = applySettings(await readJob(job), set);
  const modelId = model === undefined ? settled['modelId'] : await uploadedModel(explora, model, note);
  if (typeof modelId !== 'string') {
    throw usageError('The job names no model.', 'Give --model <model.json or id>, or a modelId in the job.');
  }
  return { ...settled, modelId } as JobInput;
}

async function readJob(file: string): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`The job ${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    const value = JSON.parse(content) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    throw usageError(`The job ${file} is not valid JSON: ${(error as Error).message}`);
  }
  throw usageError(`The job ${file} is not a JSON object.`);
}

async function uploadedModel(explora: Explora, model: string, note: (line: string) => void): Promise<string> {
  // A name that is no file and could be an id is one: the pool says if it has no such model.
  if (!existsSync(model) && modelIdSchema.safeParse(model).success && !model.endsWith('.json')) return model;
  const [{ loadTfjsModel }, { fromLayersModel }] = await Promise.all([
    import('./load-model.js'),
    import('../explora/from-layers-model.js'),
  ]);
  const upload = await fromLayersModel(await loadTfjsModel(model));
  const record = await explora.uploadModel(upload);
  note(`Model ${record.modelId} is uploaded (${integer(record.parameters.paramCount)} parameters).`);
  return record.modelId;
}
