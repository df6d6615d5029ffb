import { KERAS_LIMITS } from './limits.js';
import {
  badFile,
  isKerasObject,
  isObject,
  unsupported,
  type Json,
  type JsonObject,
  type KerasObject,
} from './json.js';
import { convertGraph } from './graph.js';
import { requireSameMasks } from './masks.js';
import { checkDtype, convertLayer, requireBuiltIn, type LayerContext } from './layer-config.js';

export const MODEL_CLASSES: ReadonlySet<string> = new Set(['Sequential', 'Functional', 'Model']);

interface Conversion extends LayerContext {
  /** Names that are given: TF.js names weights by their layer, wherever it is. */
  readonly taken: Set<string>;
  readonly maxLayers: number;
  layers: number;
  /** A layer makes masks; null: none. */
  masks: boolean;
}

/**
 * The configuration of a Keras model, of version 2 or 3, as the `model_config` of a TF.js topology. Layers keep their
 * order and names; a layer inside a nested model gets a longer name when another layer has its name.
 * @throws `model_unsupported` for what TF.js layers cannot do; `invalid_model` for what is no configuration
 */
export function toTfjsModel(
  model: KerasObject,
  { major, maxLayers = KERAS_LIMITS.maxLayers }: { major: number; maxLayers?: number },
): KerasObject {
  const conversion: Conversion = { major, maxLayers, taken: new Set(), layers: 0, masks: false };
  conversion.masks = hasMasks(model, 0);
  const converted = convertModel(model, modelName(model), conversion);
  if (conversion.masks) requireSameMasks(converted);
  return converted;
}

function convertModel(model: KerasObject, name: string, conversion: Conversion): KerasObject {
  const { class_name: className, config } = model;
  if (!MODEL_CLASSES.has(className))
    throw unsupported({ name, className }, 'only Sequential and Functional models are read, no subclasses.');
  requireBuiltIn({ ...model, registered_name: null }, { name, className });
  const layers = layersOf(model);
  conversion.layers += layers.length;
  if (conversion.layers > conversion.maxLayers)
    throw badFile(`The model has more than ${conversion.maxLayers} layers.`);
  const names = chooseNames(layers, name, conversion);
  const converted = layers.map((layer, i) => convertAny(layer, names[i] ?? '', conversion));
  if (className === 'Sequential')
    return { class_name: 'Sequential', config: { name, layers: withInput(model, converted) } };
  const graph = convertGraph({ name, config, major: conversion.major, layers, names });
  const withNodes = converted.map((layer, i) => ({
    ...layer,
    name: names[i] ?? '',
    inbound_nodes: graph.nodes[i] ?? [],
  }));
  return {
    class_name: 'Functional',
    config: { name, layers: withNodes, input_layers: graph.inputs, output_layers: graph.outputs },
  };
}

function convertAny(layer: KerasObject, name: string, conversion: Conversion): KerasObject {
  const { class_name: className, config } = layer;
  const who = { name, className };
  if (MODEL_CLASSES.has(className)) return convertModel(layer, name, conversion);
  if (className === 'InputLayer') {
    const shape = config['batch_shape'] ?? config['batch_input_shape'];
    if (!isShape(shape)) throw unsupported(who, 'it says no shape of its input; give the model one.');
    if (config['sparse'] === true || config['ragged'] === true)
      throw unsupported(who, 'TF.js trains on dense tensors, not on sparse or ragged ones.');
    return {
      class_name: className,
      config: { name, batch_input_shape: shape, dtype: checkDtype(config['dtype'], who) },
    };
  }
  if (className !== 'Bidirectional' && className !== 'TimeDistributed')
    return convertLayer(layer, name, conversion);
  const inner = config['layer'];
  if (!isKerasObject(inner)) throw badFile(`Layer "${name}" (${className}) wraps no layer.`);
  if (className === 'Bidirectional') return convertBidirectional(layer, inner, { name, conversion });
  if (MODEL_CLASSES.has(inner.class_name) || Object.hasOwn(inner.config, 'layer'))
    throw unsupported(who, 'it wraps a model or another wrapper; wrap a single layer.');
  const innerName = unique(layerName(inner), name, conversion.taken);
  const wrapper = convertLayer(layer, name, conversion);
  return { ...wrapper, config: { ...wrapper.config, layer: convertLayer(inner, innerName, conversion) } };
}

/** TF.js makes the layer backwards itself, and puts "forward_" and "backward_" before the names, as Keras does. */
function convertBidirectional(
  layer: KerasObject,
  inner: KerasObject,
  { name, conversion }: { name: string; conversion: Conversion },
): KerasObject {
  const who = { name, className: layer.class_name };
  if (conversion.masks) throw unsupported(who, 'TF.js gives it no mask; leave out Masking and mask_zero.');
  if (!['LSTM', 'GRU', 'SimpleRNN'].includes(inner.class_name))
    throw unsupported(who, `it wraps a ${inner.class_name}; TF.js can wrap LSTM, GRU and SimpleRNN.`);
  // Without masks it makes no difference, and Keras sets it by itself.
  const plain = { ...inner.config, zero_output_for_mask: false };
  const backward = layer.config['backward_layer'];
  if (isKerasObject(backward) && !isMirror(inner.config, backward.config))
    throw unsupported(who, 'its backward layer is not the mirror of the forward one.');
  const innerName = unique(layerName(inner).replace(/^forward_/, ''), name, conversion.taken);
  const wrapper = convertLayer(layer, name, conversion);
  const wrapped = convertLayer({ ...inner, config: plain }, innerName, conversion);
  return { ...wrapper, config: { ...wrapper.config, layer: wrapped } };
}

function isMirror(forward: JsonObject, backward: JsonObject): boolean {
  const shape = (config: JsonObject, isBackward: boolean): string =>
    JSON.stringify(
      [
        'units',
        'activation',
        'recurrent_activation',
        'reset_after',
        'use_bias',
        'return_sequences',
        'dropout',
        'recurrent_dropout',
      ]
        .map((field) => config[field] ?? null)
        .concat((config['go_backwards'] === true) !== isBackward),
    );
  return shape(forward, false) === shape(backward, true);
}

/** Old files name the shape in the first layer, or nowhere but in what the model was built for. */
function withInput(model: KerasObject, layers: KerasObject[]): KerasObject[] {
  const first = layers[0];
  if (first === undefined) throw badFile(`The model "${modelName(model)}" has no layers.`);
  if (first.class_name === 'InputLayer' || first.config['batch_input_shape'] !== undefined) return layers;
  if (MODEL_CLASSES.has(first.class_name)) return layers;
  const build = model['build_config'];
  const shape = model.config['build_input_shape'] ?? (isObject(build) ? build['input_shape'] : null);
  if (!isShape(shape))
    throw unsupported(
      { name: layerName(first), className: first.class_name },
      'the model does not say the shape of its input; give it one (keras.Input) before saving.',
    );
  return [{ ...first, config: { ...first.config, batch_input_shape: shape } }, ...layers.slice(1)];
}

export function layersOf(model: KerasObject): KerasObject[] {
  const list = model.config['layers'];
  if (!Array.isArray(list) || !list.every(isKerasObject))
    throw badFile(`The configuration of the model "${modelName(model)}" has no list of layers.`);
  return list;
}

export function modelName(model: KerasObject): string {
  const { name } = model.config;
  return typeof name === 'string' && name !== '' ? name : model.class_name.toLowerCase();
}

export function layerName(layer: KerasObject): string {
  const name = layer.config['name'] ?? layer['name'];
  if (typeof name !== 'string' || name === '' || name.length > 200)
    throw badFile(
      `A layer (${layer.class_name.slice(0, 64)}) has no name, or one of more than 200 characters.`,
    );
  return name;
}

/** All names of a model first, then those inside its layers: what is further out keeps its name. */
function chooseNames(layers: readonly KerasObject[], model: string, { taken }: Conversion): string[] {
  const seen = new Set<string>();
  return layers.map((layer) => {
    const name = layerName(layer);
    if (seen.has(name)) throw badFile(`The model "${model}" has two layers named "${name}".`);
    seen.add(name);
    return unique(name, model, taken);
  });
}

function unique(name: string, container: string, taken: Set<string>): string {
  let chosen = name;
  for (let i = 0; taken.has(chosen); i++) chosen = `${container}_${name}${i === 0 ? '' : `_${i}`}`;
  taken.add(chosen);
  return chosen;
}

function isShape(value: Json | undefined): value is (number | null)[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 8 &&
    value.every((size) => size === null || (Number.isSafeInteger(size) && (size as number) >= 0))
  );
}

function hasMasks(value: Json, depth: number): boolean {
  if (depth > 64) throw badFile('The configuration is nested more than 64 deep.');
  if (Array.isArray(value)) return value.map((item) => hasMasks(item, depth + 1)).some(Boolean);
  if (!isObject(value)) return false;
  const inside = Object.values(value).map((item) => hasMasks(item, depth + 1));
  return value['class_name'] === 'Masking' || value['mask_zero'] === true || inside.some(Boolean);
}
