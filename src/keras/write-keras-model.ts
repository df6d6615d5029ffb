import type { File, Group } from 'h5wasm';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { CloudNodeError } from '../protocol/errors.js';
import type { TensorSpec } from '../protocol/model.js';
import { countParams, split } from '../tensors/tensor-specs.js';
import { withBuiltModel } from './build-model.js';
import { compileConfig, trainingConfig } from './compile-settings.js';
import { writeHdf5 } from './hdf5.js';
import { badFile, isKerasObject, pythonJson, textOf, type JsonObject, type KerasObject } from './json.js';
import { layerName, layersOf, toTfjsModel } from './model-config.js';
import { majorOf, sourceOf, type KerasFormat, type KerasSource } from './source.js';
import { toKeras3, withModules } from './to-keras3.js';
import { weightPlaces, type WeightPlace } from './weight-places.js';
import { writeZip } from './zip.js';

export interface ModelToWrite {
  readonly topology: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorSpec[];
  readonly parameters: Float32Array;
  readonly format: KerasFormat;
}

/** What a file says it was written by when the model was never in Keras: the release it was tried with. */
const KERAS_3 = '3.15.1';
/** More than this in one attribute is written as several, as Keras does: HDF5 has no room for it. */
const MAX_ATTRIBUTE_BYTES = 64_512;

interface ToSave {
  readonly version: string;
  readonly model: KerasObject;
  readonly compile: JsonObject | null;
  /** Layers that were put before those of the topology. */
  readonly added: number;
  readonly weights: readonly { readonly place: WeightPlace; readonly values: Float32Array }[];
}

/**
 * Writes a model as a file that Keras loads with `keras.saving.load_model`. A model that came from Keras keeps its
 * configuration, names and compile settings: a .h5 is of the version that it came from, a .keras of Keras 3. The state
 * of the optimizer is not kept, because rounds begin without one.
 * @throws `invalid_model` when tensors and topology do not fit; `model_unsupported` for layers that have no counterpart
 */
export async function writeKerasModel(input: ModelToWrite): Promise<Uint8Array> {
  const saved = await describe(input);
  return input.format === 'h5' ? writeH5(saved) : writeKeras(saved);
}

async function describe({ topology, tensors, parameters, format }: ModelToWrite): Promise<ToSave> {
  const source = sourceOf(topology) ?? bareSource(topology);
  const major = majorOf(source);
  const tfjs = toTfjsModel(source.model, { major });
  return built(tfjs, countParams([...tensors]), (model) => {
    const places = weightPlaces(tfjs, model);
    const values = split(parameters, [...tensors]);
    requireFit(places, tensors);
    const weights = places.map((place, i) => ({ place, values: values[i] ?? new Float32Array() }));
    const isAsWritten = source.keras_version !== '' && (major >= 3 || format === 'h5');
    const compile = format === 'h5' ? trainingConfig(source) : compileConfig(source, major);
    if (!isAsWritten) {
      const written = toKeras3(source.model, tfjs, model);
      const added = layersOf(written).length - layersOf(tfjs).length;
      return { version: KERAS_3, model: written, compile, added, weights };
    }
    const written = format === 'keras' && source.format === 'h5' ? withModules(source.model) : source.model;
    return { version: source.keras_version, model: written, compile, added: 0, weights };
  });
}

/** A model that was never in Keras: its topology is nearly one of Keras 2. */
function bareSource(topology: Readonly<Record<string, unknown>>): KerasSource {
  const config = topology['model_config'] ?? topology;
  if (!isKerasObject(config)) throw badFile('The topology is not that of a TF.js layers model.');
  const { class_name, config: inner } = config;
  const layers = inner as unknown;
  const model = Array.isArray(layers)
    ? { class_name, config: { name: 'sequential', layers } }
    : { class_name, config: inner };
  return { format: 'h5', keras_version: '', model, compile: null };
}

async function built<T>(tfjs: KerasObject, params: number, use: (model: LayersModel) => T): Promise<T> {
  try {
    return await withBuiltModel({ model_config: tfjs }, params, use);
  } catch (error) {
    if (error instanceof CloudNodeError) throw error;
    const text = error instanceof Error ? error.message : textOf(error);
    throw badFile(`The topology can not be built: ${text.slice(0, 300)}`);
  }
}

function requireFit(places: readonly WeightPlace[], tensors: readonly TensorSpec[]): void {
  const fits = places.every(({ shape }, i) => shape.join() === tensors[i]?.shape.join());
  if (!fits || places.length !== tensors.length)
    throw badFile('The tensors are not the weights of the topology.');
}

/** The layout of `model.save('….h5')`. */
function writeH5({ version, model, compile, added, weights }: ToSave): Promise<Uint8Array> {
  const { class_name, config } = model;
  return writeHdf5((file) => {
    file.create_attribute('backend', 'tensorflow');
    file.create_attribute('keras_version', version);
    file.create_attribute('model_config', pythonJson({ class_name, config }));
    if (compile !== null) file.create_attribute('training_config', pythonJson(compile));
    const root = file.create_group('model_weights');
    root.create_attribute('backend', 'tensorflow');
    root.create_attribute('keras_version', version);
    const layers = layersOf(model).map(layerName);
    writeNames(root, 'layer_names', layers);
    for (const [i, layer] of layers.entries()) {
      const group = groupAt(root, layer.split('/'));
      const own = weights
        .filter(({ place }) => place.h5.layer === i - added)
        .sort((a, b) => a.place.h5.position - b.place.h5.position);
      const names = own.map(({ place }) => (version.startsWith('3') ? place.name : `${place.name}:0`));
      writeNames(group, 'weight_names', names);
      for (const [j, { place, values }] of own.entries()) writeAt(group, names[j] ?? '', place.shape, values);
    }
    root.create_group('top_level_model_weights');
  });
}

/** The layout of `model.save('….keras')`. */
async function writeKeras({ version, model, compile, weights }: ToSave): Promise<Uint8Array> {
  const file = await writeHdf5((h5) => {
    for (const { place, values } of weights)
      writeAt(h5, `${place.keras.dir}/vars/${place.keras.position}`, place.shape, values);
  });
  const config = compile === null ? model : { ...model, compile_config: compile };
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(pythonJson(value));
  return writeZip({
    'metadata.json': json({ keras_version: version, date_saved: dateSaved(new Date()) }),
    'config.json': json(config),
    'model.weights.h5': file,
  });
}

function writeAt(root: File | Group, path: string, shape: number[], values: Float32Array): void {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  // It takes the whole buffer behind a view, not the view.
  groupAt(root, parts).create_dataset({ name, data: values.slice(), shape });
}

function groupAt(root: File | Group, parts: readonly string[]): Group {
  let group: Group = root;
  for (const part of parts) group = (group.get(part) as Group | null) ?? group.create_group(part);
  return group;
}

/** An attribute that is not there is an empty list for Keras. */
function writeNames(group: Group, name: string, names: readonly string[]): void {
  if (names.length === 0) return;
  const longest = Math.max(...names.map((one) => Buffer.byteLength(one)));
  const perPart = Math.max(1, Math.floor(MAX_ATTRIBUTE_BYTES / longest));
  const write = (as: string, list: readonly string[]): void =>
    group.create_attribute(as, [...list], [list.length], `S${longest}`);
  if (names.length <= perPart) return write(name, names);
  for (let i = 0; i * perPart < names.length; i++)
    write(`${name}${i}`, names.slice(i * perPart, (i + 1) * perPart));
}

function dateSaved(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', '@');
}
