import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { ModelUpload } from '../explora/options.js';
import type { TrainingDefaults } from '../keras/training.js';
import { usageError } from './errors.js';

interface ModelJson {
  readonly modelTopology?: io.ModelArtifacts['modelTopology'];
  readonly weightsManifest?: readonly {
    readonly paths: readonly string[];
    readonly weights: io.WeightsManifestEntry[];
  }[];
}

export interface LoadedModel {
  readonly upload: ModelUpload;
  /** What a job can take over from how the model was compiled in Keras. */
  readonly training: TrainingDefaults | null;
  readonly notes: readonly string[];
  /** How far it answers from what it answered in Keras, if the file says that. */
  readonly probed: number | null;
}

/**
 * Reads a model from disk: a Keras file (.h5, .hdf5, .keras) or a TF.js layers model.
 * @throws CliError (usage) when it is not there or not one; CloudNodeError when it is one that can not be trained here
 */
export async function loadModel(place: string): Promise<LoadedModel> {
  if (/\.(h5|hdf5|keras)$/i.test(place)) return loadKerasModel(place);
  const { fromLayersModel } = await import('../explora/from-layers-model.js');
  return {
    upload: await fromLayersModel(await loadTfjsModel(place)),
    training: null,
    notes: [],
    probed: null,
  };
}

async function loadKerasModel(file: string): Promise<LoadedModel> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw usageError(`The model ${file} cannot be read: ${(error as Error).message}`);
  }
  const { readKerasModel } = await import('../keras/read-keras-model.js');
  const { name, topology, tensors, parameters, ...rest } = await readKerasModel(bytes);
  const upload = { name: name.slice(0, 128), topology, tensors, weights: parameters };
  const { training, notes, probed } = rest;
  return { upload, training, notes, probed };
}

/**
 * Reads a TF.js layers model as `model.save('file://…')` writes it: the path of its model.json or of the folder.
 * @throws CliError (usage) when it is not there or not one
 */
async function loadTfjsModel(place: string): Promise<LayersModel> {
  const isFolder = await stat(place).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = isFolder ? path.join(place, 'model.json') : place;
  const { modelTopology, weightsManifest } = await readModelJson(file);
  if (modelTopology === undefined || weightsManifest === undefined) {
    throw usageError(
      `${file} is not a TF.js layers model: modelTopology or weightsManifest is missing.`,
      'Save it with model.save(), or convert it with tensorflowjs_converter (format tfjs_layers_model).',
    );
  }
  const parts = weightsManifest.flatMap(({ paths }) => paths);
  const weights = await Promise.all(parts.map((part) => readPart(path.join(path.dirname(file), part))));
  const weightData = new Uint8Array(Buffer.concat(weights)).buffer;
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  const [{ useBestNodeBackend }, { loadLayersModel }, { registerLayers }] = await Promise.all([
    import('../library/tf-backend-node.js'),
    import('@tensorflow/tfjs-layers'),
    import('../tensors/layers/register.js'),
  ]);
  await useBestNodeBackend();
  registerLayers();
  try {
    return await loadLayersModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
  } catch (error) {
    throw usageError(`${file} cannot be loaded as a TF.js layers model: ${(error as Error).message}`);
  }
}

async function readModelJson(file: string): Promise<ModelJson> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ModelJson;
  } catch (error) {
    throw usageError(`${file} cannot be read as a TF.js model: ${(error as Error).message}`);
  }
}

async function readPart(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw usageError(`The weights ${file} cannot be read: ${(error as Error).message}`);
  }
}
