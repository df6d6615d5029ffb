import { isKerasObject, isObject, type Json, type JsonObject } from './json.js';
import type { KerasSource } from './source.js';
import { wrapped } from './to-keras3.js';

const OPTIMIZER_FIELDS = new Set(
  (
    'name learning_rate weight_decay clipnorm global_clipnorm clipvalue use_ema ema_momentum ' +
    'ema_overwrite_frequency beta_1 beta_2 epsilon amsgrad momentum nesterov rho centered initial_accumulator_value'
  ).split(' '),
);
const REDUCTIONS: Readonly<Record<string, string>> = {
  auto: 'sum_over_batch_size',
  sum: 'sum',
  none: 'none',
};

/** `training_config` for a .h5, of the same version of Keras as the source. */
export function trainingConfig({ format, compile }: KerasSource): JsonObject | null {
  if (compile === null || format === 'h5') return compile;
  const { optimizer, ...rest } = compile;
  if (optimizer === undefined || optimizer === null) return null;
  const found = isKerasObject(optimizer)
    ? { class_name: optimizer.class_name, config: optimizer.config }
    : { class_name: optimizer, config: {} };
  return {
    loss: null,
    metrics: null,
    weighted_metrics: null,
    loss_weights: null,
    ...rest,
    optimizer_config: found,
  };
}

/** `compile_config` for a .keras of Keras 3. */
export function compileConfig({ format, compile }: KerasSource, major: number): JsonObject | null {
  if (compile === null || (format === 'keras' && major >= 3)) return compile;
  const { optimizer_config: inH5, optimizer: inKeras, loss, metrics, ...rest } = compile;
  const { loss_weights: weights = null, weighted_metrics: weighted = null } = rest;
  return {
    optimizer: optimizerOf(inH5 ?? inKeras ?? null),
    loss: map(loss ?? null, lossOf),
    loss_weights: weights,
    metrics: map(metrics ?? null, metricOf),
    weighted_metrics: map(weighted, metricOf),
  };
}

function optimizerOf(value: Json): Json {
  if (!isKerasObject(value)) return value;
  const known = Object.entries(value.config).filter(([field]) => OPTIMIZER_FIELDS.has(field));
  return wrapped('keras.optimizers', value.class_name.replace(/^.*>/, ''), Object.fromEntries(known));
}

function lossOf(value: JsonObject): Json {
  if (!isKerasObject(value)) return value;
  const { fn: _fn, reduction, ...config } = value.config;
  const kept =
    typeof reduction === 'string' ? { ...config, reduction: REDUCTIONS[reduction] ?? reduction } : config;
  return wrapped('keras.losses', value.class_name.replace(/^.*>/, ''), kept);
}

/** Keras 2 wrote "accuracy" as the function that it had become; by that name Keras 3 chooses it again. */
function metricOf(value: JsonObject): Json {
  if (!isKerasObject(value)) return value;
  const { name, fn } = value.config;
  if (value.class_name === 'MeanMetricWrapper') {
    const isChosen = name === 'accuracy' || name === 'acc';
    return isChosen ? name : (fn ?? name ?? null);
  }
  const { fn: _fn, ...config } = value.config;
  return wrapped('keras.metrics', value.class_name.replace(/^.*>/, ''), config);
}

/** Several outputs have lists or objects of settings. */
function map(value: Json, change: (one: JsonObject) => Json): Json {
  if (Array.isArray(value)) return value.map((item) => map(item, change));
  if (!isObject(value)) return value;
  if (typeof value['class_name'] === 'string') return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item, change)]));
}
