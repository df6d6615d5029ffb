import { isKerasObject, textOf, unsupported, type Json, type KerasObject } from './json.js';

/** Of a tensor: none; the same in Keras and TF.js; or one that only Keras still has. */
type Mask = 'none' | 'same' | 'keras';

interface Call {
  readonly layer: KerasObject;
  /** Names of tensors. */
  readonly inputs: readonly string[];
  readonly output: string;
}

const MODELS = new Set(['Sequential', 'Functional', 'Model']);
const RECURRENT = new Set(['GRU', 'LSTM', 'SimpleRNN']);
/** A mask goes through these, in Keras and in TF.js, and changes nothing in them. */
const KEEP = new Set(
  'Activation AlphaDropout Concatenate Dense Dropout GaussianDropout GaussianNoise LayerNormalization PReLU ReLU SpatialDropout1D'.split(
    ' ',
  ),
);
/** In Keras also through these. */
const KEEP_IN_KERAS = new Set(['ELU', 'LeakyReLU', 'Rescaling', 'ThresholdedReLU']);
/** They count or weigh steps, or join masks, and do it otherwise in TF.js. */
const USE = new Set(
  'Add Average BatchNormalization Dot GlobalAveragePooling1D Maximum Minimum Multiply Softmax'.split(' '),
);

/** What was met so far, in the model and those inside. */
interface Found {
  masked: boolean;
  /** Takes a mask in TF.js when it is given one, and has none. */
  readonly open: KerasObject[];
  /** Of each model inside, whether what comes out has a mask: it may be called many times. */
  readonly inside: Map<KerasObject, boolean>;
}

/**
 * Refuses a converted model whose masks (of Masking, or an Embedding with mask_zero) do other things in TF.js than in
 * Keras. TF.js gives the mask that it has seen last to every layer after it, where Keras has long let go of it; in
 * training also in and out of models inside. But a mask that reaches the layer itself comes first.
 * @throws `model_unsupported`
 */
export function requireSameMasks(model: KerasObject): void {
  const found: Found = { masked: false, open: [], inside: new Map() };
  masksOf(model, found);
  const [open] = found.open;
  if (!found.masked || open === undefined) return;
  const advice = open.class_name === 'Softmax' ? 'let the layer before it have that activation' : undefined;
  throw refusal(open, 'TF.js would give it the mask of other layers', advice);
}

/** @returns whether what comes out has a mask in Keras */
function masksOf(model: KerasObject, found: Found): boolean {
  const masks = new Map<string, Mask>();
  const calls = callsOf(model);
  const waiting = new Set(calls);
  // Layers may be listed in any order; that the calls can be made has been checked.
  for (let before = Infinity; waiting.size > 0 && waiting.size < before;) {
    before = waiting.size;
    for (const call of waiting) {
      const given = call.inputs.flatMap((input) => masks.get(input) ?? []);
      if (given.length < call.inputs.length) continue;
      masks.set(call.output, through(call.layer, given, found));
      waiting.delete(call);
    }
  }
  return outputsOf(model, calls).some((output) => masks.get(output) !== 'none');
}

/** The mask of what a layer makes of inputs with these masks. */
function through(layer: KerasObject, given: readonly Mask[], found: Found): Mask {
  const { class_name: className, config } = layer;
  const isMasked = given.some((mask) => mask !== 'none');
  const isLost = given.includes('keras');
  found.masked ||= given.includes('same');
  if (MODELS.has(className)) {
    if (isMasked) throw refusal(layer, 'TF.js does not take a mask into a model');
    const leavesMasked = found.inside.get(layer) ?? masksOf(layer, found);
    found.inside.set(layer, leavesMasked);
    return leavesMasked ? 'keras' : 'none';
  }
  if (className === 'Masking' || config['mask_zero'] === true) return 'same';
  const inner = isKerasObject(config['layer']) ? config['layer'].class_name : '';
  if (!isMasked) {
    if ([className, inner].some((name) => RECURRENT.has(name) || name === 'Softmax')) found.open.push(layer);
    return 'none';
  }
  if (USE.has(className) || (inner !== '' && !KEEP.has(inner)))
    throw refusal(layer, 'TF.js does not use the mask of Masking or mask_zero there as Keras does');
  if (RECURRENT.has(className)) {
    if (isLost) throw refusal(layer, 'TF.js loses the mask of Masking or mask_zero on the way there');
    return config['return_sequences'] === true ? 'same' : 'none';
  }
  if (KEEP.has(className) || inner !== '') return isLost ? 'keras' : 'same';
  return KEEP_IN_KERAS.has(className) ? 'keras' : 'none';
}

function callsOf({ class_name: className, config }: KerasObject): Call[] {
  const layers = (config['layers'] as Json[]).filter(isKerasObject);
  if (className === 'Sequential')
    return layers.map((layer, i) => ({ layer, inputs: i === 0 ? [] : [String(i - 1)], output: String(i) }));
  return layers.flatMap((layer) => {
    const name = textOf(layer['name']);
    const nodes = layer['inbound_nodes'] as [string, number][][];
    // A model begins with a call of its own.
    const first = MODELS.has(layer.class_name) ? 1 : 0;
    if (layer.class_name === 'InputLayer') return [{ layer, inputs: [], output: `${name}/0` }];
    return nodes.map((node, i) => ({
      layer,
      inputs: node.map(([from, call]) => `${from}/${call}`),
      output: `${name}/${i + first}`,
    }));
  });
}

function outputsOf({ class_name: className, config }: KerasObject, calls: readonly Call[]): string[] {
  if (className === 'Sequential') return calls.slice(-1).map(({ output }) => output);
  return (config['output_layers'] as [string, number][]).map(([name, call]) => `${name}/${call}`);
}

function refusal(layer: KerasObject, reason: string, advice = 'leave out Masking and mask_zero'): Error {
  const name = textOf(layer.config['name'] ?? layer['name']);
  return unsupported({ name, className: layer.class_name }, `${reason}; ${advice}.`);
}
