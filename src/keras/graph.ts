import {
  badFile,
  isObject,
  unsupported,
  type Json,
  type JsonObject,
  type KerasObject,
  textOf,
} from './json.js';
import { isSameInTraining } from './modes.js';

/** `[layer, node, tensor]`: one output of one call of a layer. */
type Tensor = [name: string, node: number, tensor: number];
type Node = [...Tensor, kwargs: JsonObject][];

interface Graph {
  /** Calls of each layer, in the order of the layers. */
  readonly nodes: Node[][];
  readonly inputs: Tensor[];
  readonly outputs: Tensor[];
}

interface Source {
  readonly name: string;
  readonly config: JsonObject;
  readonly major: number;
  readonly layers: readonly KerasObject[];
  /** New names of the layers, in the same order. */
  readonly names: readonly string[];
}

interface Caller {
  readonly name: string;
  readonly className: string;
  /**
   * Which `training=` makes no difference here. Keras 3 writes training=False where nobody said it, at every Dropout, and
   * no model of it minds what is written: `fit` says what holds for all layers.
   */
  readonly harmless: readonly Json[];
}

const MODELS = new Set(['Sequential', 'Functional', 'Model']);

/**
 * The calls of a Functional model, as Keras 2 and TF.js write them. Keras 3 writes the arguments of each call, and does
 * not count the call that a nested model begins with.
 */
export function convertGraph({ name, config, major, layers, names }: Source): Graph {
  const places = new Map(layers.map((layer, i) => [textOf(layer.config['name'] ?? layer['name']), i]));
  const rename = ([layer, node, tensor]: Tensor, shift: number): Tensor => {
    const place = places.get(layer);
    if (place === undefined)
      throw badFile(`The model "${name}" uses a layer "${layer.slice(0, 128)}" that it does not have.`);
    return [names[place] ?? '', node + shift, tensor];
  };
  const isModel = (layer: string): boolean => MODELS.has(layers[places.get(layer) ?? -1]?.class_name ?? '');
  const nodes = layers.map((layer, i) => {
    const { class_name: className } = layer;
    const harmless = major >= 3 ? [false, true] : isSameInTraining(layer) ? [false] : [];
    const who: Caller = { name: names[i] ?? '', className, harmless };
    const calls = layer['inbound_nodes'];
    if (!Array.isArray(calls)) throw badFile(`Layer "${who.name}" has no list of its calls.`);
    return calls.map((call): Node => {
      const tensors = isObject(call) ? newTensors(call, who) : oldTensors(call, who);
      const first = (tensor: Tensor): number => (isObject(call) && isModel(tensor[0]) ? 1 : 0);
      return tensors.map((tensor) => [...rename(tensor, first(tensor)), {}]);
    });
  });
  const ends = (field: string): Tensor[] =>
    endsOf(config[field], field).map((end) => {
      const place = layers[places.get(end[0]) ?? -1];
      // Keras 3 counts the first call of a nested Functional here, but not of a Sequential.
      return rename(end, major >= 3 && place?.class_name === 'Sequential' ? 1 : 0);
    });
  const graph = { nodes, inputs: ends('input_layers'), outputs: ends('output_layers') };
  requireBuildable(graph, { layers, names });
  return graph;
}

/** `{args: [tensor or list of tensors], kwargs}` */
function newTensors(call: JsonObject, who: Caller): Tensor[] {
  const { args, kwargs } = call;
  requirePlainCall(kwargs, who);
  if (!Array.isArray(args) || args.length !== 1)
    throw unsupported(
      who,
      'it is called with several arguments, which TF.js layers are not; pass a list of tensors.',
    );
  const [input] = args;
  return (Array.isArray(input) ? input : [input]).map((tensor) => {
    const config = isObject(tensor) && tensor['class_name'] === '__keras_tensor__' ? tensor['config'] : null;
    const history = isObject(config) ? config['keras_history'] : null;
    if (!isTensor(history))
      throw unsupported(who, 'it is called with something that is not the output of a layer.');
    return [history[0], history[1], history[2]];
  });
}

/** `[[layer, node, tensor, kwargs], …]` */
function oldTensors(call: Json, who: Caller): Tensor[] {
  if (!Array.isArray(call)) throw badFile(`A call of the layer "${who.name}" is no list.`);
  // One input may be written without the list around it.
  const inputs = isTensor(call) ? [call] : call;
  return inputs.map((input): Tensor => {
    if (!isTensor(input))
      throw unsupported(who, 'it is called with something that is not the output of a layer.');
    requirePlainCall(input[3], who);
    return [input[0], input[1], input[2]];
  });
}

function requirePlainCall(kwargs: Json | undefined, who: Caller): void {
  for (const [name, value] of Object.entries(isObject(kwargs) ? kwargs : {})) {
    if (value !== null && !(name === 'training' && who.harmless.includes(value)))
      throw unsupported(
        who,
        `it is called with ${name}=${JSON.stringify(value).slice(0, 60)}, which TF.js ignores while training.`,
      );
  }
}

function endsOf(value: Json | undefined, field: string): Tensor[] {
  const list = isTensor(value) ? [value] : isObject(value) ? Object.values(value) : value;
  if (!Array.isArray(list) || list.length === 0 || !list.every(isTensor))
    throw badFile(`"${field}" of a model is not a list of tensors.`);
  return list.map(([layer, node, tensor]) => [layer, node, tensor]);
}

function isTensor(value: Json | undefined | null): value is [...Tensor, ...Json[]] {
  return (
    Array.isArray(value) &&
    typeof value[0] === 'string' &&
    [value[1], value[2]].every((index) => Number.isSafeInteger(index) && (index as number) >= 0)
  );
}

/**
 * TF.js repeats the calls until all could be made: for ever when one never can. And it makes a later call of a layer
 * first when that is possible first, which would mix up their outputs.
 */
function requireBuildable(graph: Graph, { layers, names }: Pick<Source, 'layers' | 'names'>): void {
  const made = new Map(names.map((name, i) => [name, isSource(layers[i]) ? 1 : 0]));
  const waiting = graph.nodes.map((calls) => [...calls]);
  for (let left = countCalls(waiting), before = Infinity; left > 0; left = countCalls(waiting)) {
    if (left === before)
      throw badFile('The calls of the layers of a model depend on each other in a circle.');
    before = left;
    for (const [i, calls] of waiting.entries()) {
      const name = names[i] ?? '';
      const ready = calls.map((call) => call.every(([layer, node]) => (made.get(layer) ?? 0) > node));
      const firstLate = ready.indexOf(false);
      if (firstLate !== -1 && ready.lastIndexOf(true) > firstLate)
        throw unsupported(
          { name, className: layers[i]?.class_name ?? '' },
          'TF.js cannot make its calls in their order; use a layer of its own for each depth.',
        );
      const count = firstLate === -1 ? calls.length : firstLate;
      calls.splice(0, count);
      made.set(name, (made.get(name) ?? 0) + count);
    }
  }
  for (const [layer, node] of [...graph.inputs, ...graph.outputs]) {
    if ((made.get(layer) ?? 0) <= node)
      throw badFile(`The model has no call ${node} of its layer "${layer}".`);
  }
}

/** An input, or a model, which begins with a call of its own. */
function isSource(layer: KerasObject | undefined): boolean {
  return layer !== undefined && (layer.class_name === 'InputLayer' || MODELS.has(layer.class_name));
}

function countCalls(waiting: readonly unknown[][]): number {
  return waiting.reduce((sum, calls) => sum + calls.length, 0);
}
