import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { isKerasObject, textOf, unsupported, type Json, type JsonObject, type KerasObject } from './json.js';
import { LAYER_RULES } from './layer-rules.js';
import { layersOf, MODEL_CLASSES } from './model-config.js';

/**
 * The configuration of a model as Keras 3 writes it, from one of Keras 2 or TF.js.
 * @param from as it was written: has the initializers and the names
 * @param tfjs the same model as `toTfjsModel` gives it: has the calls, in one form
 * @param built the model of TF.js: knows the shapes
 * @throws `model_unsupported` for what Keras 3 has no longer, or as another function
 */
export function toKeras3(from: KerasObject, tfjs: KerasObject, built: LayersModel): KerasObject {
  const theirs = layersOf(from);
  const ours = layersOf(tfjs);
  const byName = new Map(built.layers.map((layer) => [layer.name, layer]));
  const names = new Map(
    ours.map((layer, i) => [textOf(layer.config['name']), theirs[i]?.config['name'] ?? '']),
  );
  const layers = ours.map((layer, i): KerasObject => {
    const their = theirs[i] ?? layer;
    const found = byName.get(textOf(layer.config['name']));
    if (MODEL_CLASSES.has(layer.class_name)) return toKeras3(their, layer, found as unknown as LayersModel);
    return wrapped('keras.layers', layer.class_name, layerConfig(their, layer));
  });
  const name = from.config['name'] ?? tfjs.config['name'] ?? null;
  if (tfjs.class_name === 'Sequential')
    return wrapped('keras', 'Sequential', { name, layers: withInputLayer(layers, ours[0]) });
  const isSequential = (layer: string): boolean =>
    ours.some((one) => one.class_name === 'Sequential' && one.config['name'] === layer);
  const isModel = (layer: string): boolean =>
    ours.some((one) => MODEL_CLASSES.has(one.class_name) && one.config['name'] === layer);
  const tensor = ([layer, node, index]: Tensor): JsonObject => {
    const output = byName.get(layer)?.inboundNodes[node]?.outputTensors[index];
    return {
      class_name: '__keras_tensor__',
      config: {
        shape: shapeOf(output),
        dtype: output?.dtype ?? 'float32',
        keras_history: [names.get(layer) ?? layer, node - (isModel(layer) ? 1 : 0), index],
      },
    };
  };
  const end = ([layer, node, index]: Tensor): Json => [
    names.get(layer) ?? layer,
    node - (isSequential(layer) ? 1 : 0),
    index,
  ];
  const withCalls = layers.map((layer, i) => ({
    ...layer,
    name: layer.config['name'] ?? null,
    inbound_nodes: ((ours[i]?.['inbound_nodes'] ?? []) as unknown as Tensor[][]).map((call) => {
      const tensors = call.map(tensor);
      return { args: [tensors.length === 1 ? (tensors[0] ?? null) : tensors], kwargs: {} };
    }),
  }));
  const ends = (field: string): Json => ((tfjs.config[field] ?? []) as unknown as Tensor[]).map(end);
  const functional = {
    name,
    layers: withCalls,
    input_layers: ends('input_layers'),
    output_layers: ends('output_layers'),
  };
  return functionalModel(functional);
}

type Tensor = [layer: string, node: number, tensor: number];

/** Keras has no public name for the class. */
function functionalModel(config: JsonObject): KerasObject {
  const model = wrapped('keras.src.models.functional', 'Functional', config);
  return { ...model, registered_name: 'Functional' };
}

/** A Keras 3 object of a module of Keras itself. */
export function wrapped(module: string, className: string, config: JsonObject): KerasObject {
  return { module, class_name: className, config, registered_name: null };
}

function layerConfig(their: KerasObject, our: KerasObject): JsonObject {
  const { class_name: className } = our;
  const name = textOf(their.config['name'] ?? our.config['name']);
  const trainable = our.config['trainable'] !== false;
  if (className === 'InputLayer') {
    const { batch_input_shape: shape, dtype } = our.config;
    return { batch_shape: shape ?? null, dtype: dtype ?? 'float32', sparse: false, name };
  }
  if (className === 'ThresholdedReLU')
    throw unsupported({ name, className }, 'Keras 3 has no such layer; write the model as .h5 of Keras 2.');
  // Some layers of Keras 3 do not take `trainable`; it is true when it is not said.
  const config: JsonObject = { name, dtype: 'float32', ...(trainable ? {} : { trainable }) };
  for (const field of LAYER_RULES[className]?.keep ?? []) {
    const value = field.endsWith('_initializer') ? initializer(their.config[field]) : our.config[field];
    // TF.js writes null for what is as usual.
    if (value !== undefined && value !== null) config[field] = renamed(field, value, { name, className });
  }
  if (className === 'LeakyReLU') {
    delete config['alpha'];
    config['negative_slope'] = our.config['alpha'] ?? 0.3;
  }
  const [theirInner, ourInner] = [their.config['layer'], our.config['layer']];
  if (isKerasObject(theirInner) && isKerasObject(ourInner)) {
    config['layer'] = wrapped('keras.layers', ourInner.class_name, layerConfig(theirInner, ourInner));
    if (our.config['merge_mode'] === null) config['merge_mode'] = null;
  }
  return config;
}

function renamed(field: string, value: Json, who: { name: string; className: string }): Json {
  if (value === 'hard_sigmoid')
    throw unsupported(
      who,
      `the hard_sigmoid of Keras 3 is another function; build it with ${field}="sigmoid" to write the model for Keras 3.`,
    );
  if (field.endsWith('_regularizer') && isKerasObject(value))
    return wrapped('keras.regularizers', value.class_name, value.config);
  return value;
}

function initializer(value: Json | undefined): Json | undefined {
  if (!isKerasObject(value) || !/^[A-Za-z]+$/.test(value.class_name)) return undefined;
  const { dtype: _dtype, ...config } = value.config;
  return wrapped('keras.initializers', value.class_name, config);
}

/** Keras 3 takes the shape of its input from an input layer only. */
function withInputLayer(layers: KerasObject[], first: KerasObject | undefined): KerasObject[] {
  const shape = first?.config['batch_input_shape'];
  if (first === undefined || first.class_name === 'InputLayer' || shape === undefined) return layers;
  const name = `${textOf(first.config['name'])}_input`;
  const dtype = first.class_name === 'Embedding' ? 'int32' : 'float32';
  return [
    wrapped('keras.layers', 'InputLayer', { batch_shape: shape, dtype, sparse: false, name }),
    ...layers,
  ];
}

function shapeOf(tensor: SymbolicTensor | undefined): Json {
  return tensor === undefined ? [null] : tensor.shape.map((size) => size ?? null);
}

/** @returns the same objects with `module`, where a file of Keras 3 left it out: its .h5 names only classes */
export function withModules(model: KerasObject): KerasObject {
  const layers = layersOf(model).map((layer): KerasObject => {
    if (MODEL_CLASSES.has(layer.class_name)) return { ...withModules(layer), ...rest(layer) };
    const inner = layer.config['layer'];
    const back = layer.config['backward_layer'];
    const config = {
      ...layer.config,
      ...(isKerasObject(inner) ? { layer: named(inner) } : {}),
      ...(isKerasObject(back) ? { backward_layer: named(back) } : {}),
    };
    return { ...named(layer), config };
  });
  const config = { ...model.config, layers };
  return model.class_name === 'Sequential' ? wrapped('keras', 'Sequential', config) : functionalModel(config);
}

function named(layer: KerasObject): KerasObject {
  return {
    ...layer,
    module: layer['module'] ?? 'keras.layers',
    registered_name: layer['registered_name'] ?? null,
  };
}

function rest(layer: KerasObject): JsonObject {
  const kept: JsonObject = {};
  for (const field of ['name', 'inbound_nodes']) {
    const value = layer[field];
    if (value !== undefined) kept[field] = value;
  }
  return kept;
}
