import { CloudNodeError } from '../protocol/errors.js';
import type { TensorSpec } from '../protocol/model.js';
import { MAX_PROBE_BYTES } from '../protocol/probe.js';
import { countParams, sizeOfShape } from '../tensors/tensor-specs.js';
import { TooManyParams, withBuiltModel } from './build-model.js';
import { isHdf5, readHdf5, type Hdf5Reader } from './hdf5.js';
import {
  badFile,
  isKerasObject,
  isObject,
  parseObject,
  type JsonObject,
  type KerasObject,
  textOf,
} from './json.js';
import { KERAS_LIMITS, type KerasLimits } from './limits.js';
import { checkProbe, parseProbe, PROBE_PLACES } from './probe.js';
import { layerName, layersOf, toTfjsModel } from './model-config.js';
import { majorOf, type KerasFormat, type KerasSource, type KerasTopology } from './source.js';
import { trainingDefaults, type TrainingDefaults } from './training.js';
import { weightPlaces, type WeightPlace } from './weight-places.js';
import { isZip, readZip } from './zip.js';

export interface KerasModel {
  readonly format: KerasFormat;
  readonly name: string;
  /** `modelTopology` of a TF.js layers model, with what it was in Keras beside it. */
  readonly topology: KerasTopology & Readonly<Record<string, unknown>>;
  /** In the order of `model.getWeights()` of TF.js. */
  readonly tensors: TensorSpec[];
  readonly parameters: Float32Array;
  /** What a job can take over from how the model was compiled; null: nothing, or it was not. */
  readonly training: TrainingDefaults | null;
  /** How far it answers from what Keras answered, if the file has a probe. */
  readonly probed: number | null;
  /** Sentences for people: what of the compile settings is not taken over. */
  readonly notes: readonly string[];
}

/**
 * Reads a model file of Keras 2 or 3: a whole-model .h5 or a .keras. Nothing in it is run. It takes about the file,
 * the parameters and as much again in memory, and the event loop for as long as it lasts.
 * @throws `invalid_model` when the file is broken or too large; `model_unsupported` when TF.js layers cannot do it
 */
export async function readKerasModel(
  bytes: Uint8Array,
  limits: KerasLimits = KERAS_LIMITS,
): Promise<KerasModel> {
  if (bytes.length > limits.maxFileBytes)
    throw badFile(`The file has ${bytes.length} bytes; the limit is ${limits.maxFileBytes}.`);
  try {
    if (isZip(bytes)) return await readKeras(bytes, limits);
    if (isHdf5(bytes)) return await readH5(bytes, limits);
  } catch (error) {
    if (error instanceof CloudNodeError) throw error;
    throw badFile(`The model can not be read: ${shorten(error)}`);
  }
  throw badFile('The file is neither a Keras .h5 (HDF5) nor a .keras (zip).');
}

async function readH5(bytes: Uint8Array, limits: KerasLimits): Promise<KerasModel> {
  const { source, weights, probe } = await readHdf5(bytes, (file) => {
    const text = file.text('', 'model_config', limits.maxConfigBytes);
    if (text === null)
      throw badFile('The .h5 has weights only: save the whole model with model.save("model.h5").');
    const compile = file.text('', 'training_config', limits.maxConfigBytes);
    const model = parseModel(text, 'model_config');
    return {
      source: {
        format: 'h5',
        keras_version: file.text('', 'keras_version', 64) ?? '2',
        model,
        compile: compile === null ? null : parseObject(compile, 'training_config'),
      } satisfies KerasSource,
      weights: h5Weights(file, model),
      probe: file.text('', PROBE_PLACES.h5, MAX_PROBE_BYTES),
    };
  });
  const model = await convert(source, limits, (places) =>
    readHdf5(bytes, (file) => collect(places, (place) => file.floats(weights(place), place.shape))),
  );
  return probed(model, probe);
}

/** Where the weight of a place is in the file. Names are read once, and compared with what TF.js has there. */
function h5Weights(file: Hdf5Reader, model: KerasObject): (place: WeightPlace) => string {
  const root = file.has('model_weights') ? 'model_weights' : '';
  const layers = layersOf(model).map(layerName);
  const names = layers.map((layer) => {
    const group = `${root}/${layer}`;
    return file.has(group) ? file.names(group, 'weight_names').map((name) => ({ name, group })) : [];
  });
  return ({ h5: { layer, position }, name }) => {
    const found = names[layer]?.[position];
    if (found === undefined)
      throw badFile(`The file has no weight for "${name}" in the layer "${layers[layer]}".`);
    const is = lastWord(found.name);
    const shouldBe = lastWord(name);
    // Keras 3 calls it kernel.
    if (is !== shouldBe && `depthwise_${is}` !== shouldBe)
      throw badFile(`The weight "${found.name}" is where the model has "${name}".`);
    return `${found.group}/${found.name}`;
  };
}

async function readKeras(bytes: Uint8Array, limits: KerasLimits): Promise<KerasModel> {
  const files = readZip(bytes, {
    'config.json': limits.maxConfigBytes,
    'metadata.json': limits.maxConfigBytes,
    [PROBE_PLACES.keras]: MAX_PROBE_BYTES,
    // Beside the parameters there is the state of the optimizer, often of twice their size.
    'model.weights.h5': Math.min(limits.maxFileBytes, 4 * limits.maxParameterBytes + 2 ** 20),
  });
  const { [PROBE_PLACES.keras]: probe } = files;
  const { 'config.json': config, 'metadata.json': metadata, 'model.weights.h5': weights } = files;
  if (config === undefined || weights === undefined)
    throw badFile('The archive has no config.json or no model.weights.h5: it is not a .keras file.');
  const { compile_config: compile, ...model } = parseModel(decode(config), 'config.json');
  const version =
    metadata === undefined ? '3' : parseObject(decode(metadata), 'metadata.json')['keras_version'];
  const source: KerasSource = {
    format: 'keras',
    keras_version: typeof version === 'string' ? version.slice(0, 64) : '3',
    model,
    compile: isObject(compile) && Object.keys(compile).length > 0 ? compile : null,
  };
  const read = await convert(source, limits, (places) =>
    readHdf5(weights, (file) =>
      collect(places, ({ keras: { dir, position }, shape }) => {
        const path = `${dir}/vars/${position}`;
        // The first releases of the format had another word for it.
        const isOld = !file.has(dir) && file.has('_layer_checkpoint_dependencies');
        return file.floats(
          isOld ? path.replaceAll('layers/', '_layer_checkpoint_dependencies/') : path,
          shape,
        );
      }),
    ),
  );
  return probed(read, probe === undefined ? null : decode(probe));
}

async function probed(model: KerasModel, probe: string | null): Promise<KerasModel> {
  return probe === null ? model : { ...model, probed: await checkProbe(model, parseProbe(probe)) };
}

async function convert(
  source: KerasSource,
  limits: KerasLimits,
  read: (places: readonly WeightPlace[]) => Promise<Float32Array>,
): Promise<KerasModel> {
  const { maxLayers, maxParameterBytes } = limits;
  const config = toTfjsModel(source.model, { major: majorOf(source), maxLayers });
  const topology: KerasTopology = {
    model_config: config,
    keras_version: source.keras_version,
    backend: 'tensorflow',
    keras_source: source,
  };
  const places = await placesOf(config, topology, Math.floor(maxParameterBytes / 4));
  if (places.length === 0) throw badFile('The model has no weights: there is nothing to train.');
  const notes: string[] = [];
  const training = source.compile === null ? null : trainingDefaults(source.compile, notes);
  return {
    format: source.format,
    name: textOf(config.config['name']),
    topology: { ...topology },
    tensors: places.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
    parameters: await read(places),
    training,
    probed: null,
    notes,
  };
}

async function placesOf(
  config: KerasObject,
  topology: KerasTopology,
  maxParams: number,
): Promise<WeightPlace[]> {
  try {
    return await withBuiltModel({ ...topology }, maxParams, (model) => weightPlaces(config, model));
  } catch (error) {
    if (error instanceof CloudNodeError) throw error;
    if (error instanceof TooManyParams)
      throw badFile(`The model has more than ${maxParams} parameters, the most that are read.`);
    throw new CloudNodeError('model_unsupported', `TF.js can not build the model: ${shorten(error)}`);
  }
}

function collect(places: readonly WeightPlace[], read: (place: WeightPlace) => Float32Array): Float32Array {
  const tensors = places.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const }));
  const flat = new Float32Array(countParams(tensors));
  let at = 0;
  for (const place of places) {
    flat.set(read(place), at);
    at += sizeOfShape(place.shape);
  }
  return flat;
}

function parseModel(text: string, what: string): KerasObject {
  const value: JsonObject = parseObject(text, what);
  // A list of layers is what a Sequential of Keras before 2.2.3 has here.
  if (Array.isArray(value['config']) && value['class_name'] === 'Sequential')
    return { ...value, class_name: 'Sequential', config: { name: 'sequential', layers: value['config'] } };
  if (!isKerasObject(value)) throw badFile(`${what} is not the configuration of a Keras model.`);
  return value;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function lastWord(name: string): string {
  return (name.split('/').at(-1) ?? name).replace(/:\d+$/, '').replace(/_\d+$/, '');
}

function shorten(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}
