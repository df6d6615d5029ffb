import { encodeFrame } from '../../protocol/frame.js';
import type { ModelRecord, TensorSpec } from '../../protocol/model.js';
import { ApiError, ask, path } from './api.js';

/** What the pool makes of a file. */
export type UploadedModel = Pick<ModelRecord, 'modelId' | 'name'> & {
  /** Of a Keras file: its compile settings as `hyperparams` of a job, and what is left out of it. */
  readonly keras?: {
    readonly training: Readonly<Record<string, unknown>> | null;
    readonly notes: readonly string[];
  };
};

export const MODEL_FILES = '.keras,.h5,.hdf5,.json,.bin';

/** Sends a Keras file, or a TensorFlow.js model.json with its weights. @throws ApiError */
export async function uploadModel(repoId: string, files: readonly File[]): Promise<UploadedModel> {
  const keras = files.find(({ name }) => /\.(keras|h5|hdf5)$/i.test(name));
  const to = `${path.repo(repoId)}/models`;
  const name = (keras?.name ?? 'model').replace(/\.\w+$/, '').slice(0, 128);
  const answer =
    keras === undefined
      ? await ask(to, { method: 'POST', body: await tfjsFrame(files) })
      : await ask(`${to}?${new URLSearchParams({ format: formatOf(keras.name), name }).toString()}`, {
          method: 'POST',
          body: keras,
        });
  return (await answer.json()) as UploadedModel;
}

function formatOf(name: string): string {
  return /\.keras$/i.test(name) ? 'keras' : 'h5';
}

interface ModelJson {
  readonly modelTopology?: Readonly<Record<string, unknown>>;
  readonly weightsManifest?: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly { name: string; shape: number[]; dtype: string; quantization?: unknown }[];
  }[];
}

/** The frame of a model that `model.save()` wrote. */
async function tfjsFrame(files: readonly File[]): Promise<Uint8Array<ArrayBuffer>> {
  const description = files.find(({ name }) => name.endsWith('.json'));
  if (description === undefined)
    throw notOne('choose a .keras or .h5 file, or a model.json with its .bin files');
  const { modelTopology, weightsManifest } = await readJson(description);
  if (modelTopology === undefined || weightsManifest === undefined)
    throw notOne(`${description.name} has no modelTopology or no weightsManifest`);
  const parts = weightsManifest.flatMap(({ paths }) => paths).map((at) => at.split('/').at(-1) ?? at);
  const chosen = parts.map((part) => files.find(({ name }) => name === part));
  const missing = parts.filter((_, i) => chosen[i] === undefined);
  if (missing.length > 0) throw notOne(`choose ${missing.join(' and ')} together with ${description.name}`);
  const tensors = weightsManifest.flatMap(({ weights }) =>
    weights.map(({ name, shape, dtype, quantization }): TensorSpec => {
      if (dtype !== 'float32' || quantization !== undefined)
        throw notOne(`weight ${name} is ${quantization === undefined ? dtype : 'quantized'}, not float32`);
      return { name, shape, dtype };
    }),
  );
  const payload = await new Blob(chosen.flatMap((file) => file ?? [])).arrayBuffer();
  const header = { name: nameOf(modelTopology), topology: modelTopology, tensors };
  return encodeFrame(header, new Uint8Array(payload)) as Uint8Array<ArrayBuffer>;
}

async function readJson(file: File): Promise<ModelJson> {
  try {
    return JSON.parse(await file.text()) as ModelJson;
  } catch {
    throw notOne(`${file.name} is not JSON`);
  }
}

function nameOf(topology: Readonly<Record<string, unknown>>): string {
  const model = (topology['model_config'] ?? topology) as { config?: { name?: unknown } };
  const name = model.config?.name;
  return typeof name === 'string' && name !== '' ? name.slice(0, 128) : 'model';
}

function notOne(why: string): ApiError {
  return new ApiError(
    'This is not a whole model.',
    'invalid',
    `${why.charAt(0).toUpperCase()}${why.slice(1)}.`,
  );
}
