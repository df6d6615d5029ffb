import type { layers as tf, LayersModel, LayerVariable } from '@tensorflow/tfjs-layers';
import { badFile, type KerasObject, textOf } from './json.js';
import { MODEL_CLASSES, layersOf } from './model-config.js';

type Layer = tf.Layer;
/** What TF.js layers have inside; its types do not show it. */
type Inside = Layer & { cell?: Layer; layer?: Layer; forwardLayer?: Layer; backwardLayer?: Layer };

/** One weight of a model, in TF.js and in the two layouts of Keras. */
export interface WeightPlace {
  /** Position in `model.weights` of TF.js. */
  readonly index: number;
  readonly name: string;
  readonly shape: number[];
  /** In a whole-model .h5: the layer of the outermost model, and the position among its weights. */
  readonly h5: { readonly layer: number; readonly position: number };
  /** In the model.weights.h5 of a .keras: `<dir>/vars/<position>`. */
  readonly keras: { readonly dir: string; readonly position: number };
}

/**
 * Where each weight of a model is. Both layouts count along the layers in the order of the configuration, which TF.js
 * need not keep: it sorts them by depth.
 * @param root the model as {@link toTfjsModel} gives it
 */
export function weightPlaces(root: KerasObject, model: LayersModel): WeightPlace[] {
  const order = new Map(model.weights.map((weight, index) => [weight.id, index]));
  const h5 = new Map<number, WeightPlace['h5']>();
  const keras = new Map<number, WeightPlace['keras']>();
  for (const { layer, found, config } of members(root, model)) {
    const { trainable, frozen } = legacyWeights(config, found);
    [...trainable, ...frozen].forEach((weight, position) => h5.set(weight.id, { layer, position }));
  }
  for (const { dir, variables } of kerasDirs(root, model, '')) {
    variables.forEach((weight, position) => keras.set(weight.id, { dir, position }));
  }
  return model.weights.map((weight) => {
    const inH5 = h5.get(weight.id);
    const inKeras = keras.get(weight.id);
    const index = order.get(weight.id);
    if (inH5 === undefined || inKeras === undefined || index === undefined)
      throw new Error(`the weight "${weight.originalName}" belongs to no layer`);
    const shape = weight.shape.map((size) => size ?? 0);
    return { index, name: weight.originalName, shape, h5: inH5, keras: inKeras };
  });
}

interface Member {
  /** Position in the configuration. */
  readonly layer: number;
  readonly config: KerasObject;
  readonly found: Layer;
}

function members(model: KerasObject, built: LayersModel): Member[] {
  const byName = new Map(built.layers.map((layer) => [layer.name, layer]));
  return layersOf(model).flatMap((config, layer) => {
    const found = byName.get(textOf(config.config['name']));
    if (found !== undefined) return [{ layer, config, found }];
    // What no output needs is no layer of the model in TF.js, and has no place in its weights.
    if (config.class_name === 'InputLayer') return [];
    throw badFile(`The layer "${textOf(config.config['name'])}" leads to no output of its model.`);
  });
}

/** Keras lists the weights of a layer, a nested model too, as all that are trained and then all others. */
function legacyWeights(
  config: KerasObject,
  layer: Layer,
): { trainable: LayerVariable[]; frozen: LayerVariable[] } {
  if (!MODEL_CLASSES.has(config.class_name))
    return { trainable: layer.trainableWeights, frozen: layer.nonTrainableWeights };
  const parts = members(config, layer as unknown as LayersModel).map((member) =>
    legacyWeights(member.config, member.found),
  );
  return {
    trainable: parts.flatMap((part) => part.trainable),
    frozen: parts.flatMap((part) => part.frozen),
  };
}

interface Dir {
  readonly dir: string;
  readonly variables: readonly LayerVariable[];
}

function kerasDirs(model: KerasObject, built: LayersModel, prefix: string): Dir[] {
  const used = new Map<string, number>();
  return members(model, built).flatMap(({ config, found }) => {
    const word = snakeCase(config.class_name === 'Model' ? 'Functional' : config.class_name);
    const count = used.get(word) ?? 0;
    used.set(word, count + 1);
    const dir = `${prefix}layers/${word}${count === 0 ? '' : `_${count}`}`;
    return MODEL_CLASSES.has(config.class_name)
      ? kerasDirs(config, found as unknown as LayersModel, `${dir}/`)
      : layerDirs(found, dir);
  });
}

function layerDirs(layer: Inside, dir: string): Dir[] {
  const { forwardLayer, backwardLayer, cell } = layer;
  if (forwardLayer !== undefined && backwardLayer !== undefined)
    return [
      ...layerDirs(forwardLayer, `${dir}/forward_layer`),
      ...layerDirs(backwardLayer, `${dir}/backward_layer`),
    ];
  if (layer.layer !== undefined) return layerDirs(layer.layer, `${dir}/layer`);
  return [{ dir: cell === undefined ? dir : `${dir}/cell`, variables: layer.weights }];
}

/** As `keras.src.utils.naming.to_snake_case`. */
export function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
