import * as z from 'zod';
import { isKerasObject, type JsonObject, type KerasObject } from './json.js';
import { toTfjsModel } from './model-config.js';

export type KerasFormat = 'h5' | 'keras';

/** What a model was in Keras, so that it can be written as it was read. */
export interface KerasSource {
  readonly format: KerasFormat;
  readonly keras_version: string;
  /** The model with its configuration, as the file has it. */
  readonly model: KerasObject;
  /** `training_config` of a .h5, `compile_config` of a .keras. */
  readonly compile: JsonObject | null;
}

const schema = z.object({
  format: z.enum(['h5', 'keras']),
  keras_version: z.string().max(64),
  model: z.custom<KerasObject>(isKerasObject),
  compile: z.record(z.string(), z.any()).nullable(),
});

/** A TF.js topology in the layout that Keras's .h5 has, with the source beside the part that TF.js reads. */
export interface KerasTopology {
  readonly model_config: KerasObject;
  readonly keras_version: string;
  readonly backend: 'tensorflow';
  readonly keras_source: KerasSource;
}

/**
 * The source that a topology carries, or null. It counts only while it says the same model as the topology: whoever
 * uploads a topology could write anything into it, code included.
 */
export function sourceOf(topology: Readonly<Record<string, unknown>>): KerasSource | null {
  const parsed = schema.safeParse(topology['keras_source']);
  if (!parsed.success) return null;
  const source = parsed.data as KerasSource;
  try {
    const said = toTfjsModel(source.model, { major: majorOf(source) });
    return JSON.stringify(said) === JSON.stringify(topology['model_config']) ? source : null;
  } catch {
    return null;
  }
}

export function majorOf({ keras_version: version }: Pick<KerasSource, 'keras_version'>): number {
  return Number.parseInt(version, 10) >= 3 ? 3 : 2;
}
