import {
  isKerasObject,
  isObject,
  unsupported,
  type Json,
  type JsonObject,
  type KerasObject,
  textOf,
} from './json.js';
import { ADVICE, FOR_ALL, INSTEAD, LAYER_RULES } from './layer-rules.js';

export interface LayerContext {
  /** Major version of the Keras that wrote the model. */
  readonly major: number;
}

const ACTIVATIONS = new Set(
  'linear relu relu6 elu selu sigmoid tanh softmax softplus softsign gelu mish swish log_softmax hard_sigmoid'.split(
    ' ',
  ),
);
/** Modules of the layers of Keras; what is elsewhere is somebody's own, or an operation of the same name. */
const LAYER_MODULE = /^(tf_|tensorflow\.)?(python\.)?keras(\.src)?(\.(layers|models|engine)\b.*)?$/;

/** @throws `model_unsupported` for a class, an option or an activation that TF.js does not have */
export function convertLayer(layer: KerasObject, name: string, context: LayerContext): KerasObject {
  const { class_name: className, config } = layer;
  const who = { name, className };
  const rule = Object.hasOwn(LAYER_RULES, className) ? LAYER_RULES[className] : undefined;
  if (rule === undefined) {
    const reason = INSTEAD[className] ?? 'TF.js has no such layer';
    throw unsupported(who, `${reason}. Supported are ${Object.keys(LAYER_RULES).sort().join(', ')}.`);
  }
  requireBuiltIn(layer, who);
  requireSupported(config, { ...FOR_ALL, ...rule.only }, who);
  const kept: JsonObject = { name };
  if (config['trainable'] === false) kept['trainable'] = false;
  checkDtype(config['dtype'], who);
  if (Array.isArray(config['batch_input_shape'])) kept['batch_input_shape'] = config['batch_input_shape'];
  for (const field of rule.keep) {
    const value = config[field];
    if (value !== undefined) kept[field] = convertField(field, value, { who, context });
  }
  return { class_name: className, config: rule.adapt?.(kept) ?? kept };
}

/** Custom objects and operations outside layers have a module of their own; Keras 2 wrote none. */
export function requireBuiltIn(layer: KerasObject, who: { name: string; className: string }): void {
  const { module, registered_name: registered } = layer;
  const isOwn = typeof registered === 'string' && registered.includes('>');
  if (isOwn || (typeof module === 'string' && !LAYER_MODULE.test(module)))
    throw unsupported(
      who,
      `it comes from "${textOf(isOwn ? registered : module).slice(0, 64)}" and is not one of Keras's layers.`,
    );
}

/** @returns 'float32' or 'int32' */
export function checkDtype(dtype: Json | undefined, who: { name: string; className: string }): string {
  const name = isKerasObject(dtype) ? dtype.config['name'] : dtype;
  if (name === undefined || name === null || name === 'float32') return 'float32';
  const isInput = who.className === 'InputLayer';
  if (isInput && typeof name === 'string' && /^u?int(8|16|32|64)$/.test(name)) return 'int32';
  throw unsupported(
    who,
    `it computes in ${JSON.stringify(name).slice(0, 40)}; only float32 can be trained here.`,
  );
}

function requireSupported(
  config: JsonObject,
  rules: Readonly<Record<string, readonly Json[]>>,
  who: { name: string; className: string },
): void {
  for (const [field, value] of Object.entries(config)) {
    if (field.endsWith('_constraint') && value !== null)
      throw unsupported(who, `${field} is not kept by the optimizers of TF.js; leave it out.`);
    const allowed = Object.hasOwn(rules, field) ? rules[field] : undefined;
    if (allowed === undefined || allowed.some((one) => JSON.stringify(one) === JSON.stringify(value)))
      continue;
    const advice = ADVICE[field] ?? `it can do ${allowed.map((one) => JSON.stringify(one)).join(', ')}`;
    throw unsupported(
      who,
      `TF.js does not support ${field}=${JSON.stringify(value).slice(0, 60)}: ${advice}.`,
    );
  }
}

interface FieldContext {
  readonly who: { name: string; className: string };
  readonly context: LayerContext;
}

function convertField(field: string, value: Json, { who, context }: FieldContext): Json {
  // The weights come along: what they once began as only costs time.
  if (field.endsWith('_initializer')) return { class_name: 'Zeros', config: {} };
  if (field.endsWith('_regularizer')) return convertRegularizer(field, value, who);
  if (field === 'activation' || field === 'recurrent_activation')
    return convertActivation(field, value, { who, context });
  if (field === 'scale' || field === 'offset') {
    if (typeof value !== 'number' && typeof value !== 'boolean')
      throw unsupported(
        who,
        `TF.js takes one number as ${field}, not ${JSON.stringify(value).slice(0, 40)}.`,
      );
  }
  if (isObject(value)) {
    // Keras 2 wrote numbers of numpy as objects.
    const number = value['value'];
    if (typeof number === 'number') return number;
    throw unsupported(who, `${field} is an object, which TF.js cannot build.`);
  }
  return value;
}

function convertActivation(field: string, value: Json, { who, context }: FieldContext): Json {
  if (value === null) return 'linear';
  const named = isObject(value) && value['class_name'] === 'function' ? value['config'] : value;
  const name = named === 'silu' ? 'swish' : named;
  if (typeof name !== 'string' || !ACTIVATIONS.has(name))
    throw unsupported(who, `TF.js has no ${field} ${JSON.stringify(named).slice(0, 60)}.`);
  if (name === 'hard_sigmoid' && context.major >= 3)
    throw unsupported(
      who,
      `the hard_sigmoid of Keras 3 is another function than that of TF.js; use sigmoid.`,
    );
  return name;
}

function convertRegularizer(field: string, value: Json, who: { name: string; className: string }): Json {
  if (value === null) return null;
  if (isKerasObject(value)) {
    const { class_name: className, config } = value;
    const l1 = toNumber(config['l1']);
    const l2 = toNumber(config['l2']);
    if (['L1', 'L2', 'L1L2'].includes(className) && l1 !== null && l2 !== null)
      return { class_name: 'L1L2', config: { l1, l2 } };
  }
  throw unsupported(who, `TF.js has L1, L2 and L1L2 only; ${field} is another regularizer.`);
}

function toNumber(value: Json | undefined): number | null {
  if (value === undefined || value === null) return 0;
  return typeof value === 'number' ? value : null;
}
