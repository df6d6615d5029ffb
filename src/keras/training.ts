import type * as z from 'zod';
import type { jobSchema } from '../protocol/job.js';
import { isKerasObject, isObject, type Json, type JsonObject, textOf } from './json.js';

type Hyperparams = z.input<typeof jobSchema>['hyperparams'];

/** Compile settings as defaults of a job's hyperparameters; a field is absent when TF.js has nothing like it. */
export type TrainingDefaults = Pick<Hyperparams, 'optimizer' | 'loss' | 'metrics'>;

const LOSSES: Readonly<Record<string, string>> = {
  categorical_crossentropy: 'categoricalCrossentropy',
  sparse_categorical_crossentropy: 'sparseCategoricalCrossentropy',
  binary_crossentropy: 'binaryCrossentropy',
  mean_squared_error: 'meanSquaredError',
  mse: 'meanSquaredError',
  mean_absolute_error: 'meanAbsoluteError',
  mae: 'meanAbsoluteError',
  mean_absolute_percentage_error: 'meanAbsolutePercentageError',
  mape: 'meanAbsolutePercentageError',
  mean_squared_logarithmic_error: 'meanSquaredLogarithmicError',
  msle: 'meanSquaredLogarithmicError',
  hinge: 'hinge',
  squared_hinge: 'squaredHinge',
  categorical_hinge: 'categoricalHinge',
  poisson: 'poisson',
  kl_divergence: 'kullbackLeiblerDivergence',
  kullback_leibler_divergence: 'kullbackLeiblerDivergence',
  log_cosh: 'logcosh',
  logcosh: 'logcosh',
};
const METRICS: Readonly<Record<string, string>> = {
  accuracy: 'accuracy',
  acc: 'accuracy',
  binary_accuracy: 'binaryAccuracy',
  categorical_accuracy: 'categoricalAccuracy',
  // TF.js chooses by the loss.
  sparse_categorical_accuracy: 'accuracy',
  categorical_crossentropy: 'categoricalCrossentropy',
  mse: 'mse',
  mean_squared_error: 'mse',
  mae: 'mae',
  mean_absolute_error: 'mae',
  mape: 'mape',
  mean_absolute_percentage_error: 'mape',
};
/** What each optimizer of TF.js is with its own defaults; other values are said in a note. */
const OPTIMIZERS: Readonly<
  Record<string, { type: 'sgd' | 'adam' | 'rmsprop' | 'adagrad'; fixed: JsonObject }>
> = {
  SGD: { type: 'sgd', fixed: { nesterov: false } },
  Adam: { type: 'adam', fixed: { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false } },
  RMSprop: { type: 'rmsprop', fixed: { rho: 0.9, momentum: 0, centered: false } },
  Adagrad: { type: 'adagrad', fixed: { initial_accumulator_value: 0.1 } },
};
const EVERY = { weight_decay: null, clipnorm: null, global_clipnorm: null, clipvalue: null, use_ema: false };

/**
 * What a job can take over from how a model was compiled.
 * @param compile `compile_config` of a .keras, or `training_config` of a .h5
 * @param notes gets a sentence for each setting that is not taken over
 */
export function trainingDefaults(compile: JsonObject, notes: string[]): TrainingDefaults | null {
  const optimizer = optimizerOf(compile['optimizer_config'] ?? compile['optimizer'], notes);
  const loss = lossOf(compile['loss'], notes);
  const metrics = metricsOf(compile['metrics'], notes);
  const defaults = {
    ...(optimizer === undefined ? {} : { optimizer }),
    ...(loss === undefined ? {} : { loss }),
    ...(metrics.length === 0 ? {} : { metrics }),
  };
  return Object.keys(defaults).length === 0 ? null : defaults;
}

function optimizerOf(value: Json | undefined, notes: string[]): TrainingDefaults['optimizer'] | undefined {
  if (value === undefined || value === null) return undefined;
  const name = (isObject(value) ? textOf(value['class_name']) : JSON.stringify(value)).replace(/^.*>/, '');
  const config = isKerasObject(value) ? value.config : {};
  const found = Object.hasOwn(OPTIMIZERS, name) ? OPTIMIZERS[name] : undefined;
  const learningRate = config['learning_rate'];
  if (found === undefined || typeof learningRate !== 'number' || learningRate <= 0) {
    notes.push(
      found === undefined
        ? `The optimizer ${name.slice(0, 64)} has no counterpart here; choose hyperparams.optimizer.`
        : 'The learning rate is a schedule; choose hyperparams.optimizer.',
    );
    return undefined;
  }
  for (const [field, usual] of Object.entries({ ...found.fixed, ...EVERY })) {
    const is = config[field] ?? usual;
    if (is !== usual && !near(is, usual))
      notes.push(`The optimizer's ${field} is not used: ${JSON.stringify(is).slice(0, 40)}.`);
  }
  const rate = rounded(learningRate);
  const momentum = config['momentum'];
  if (found.type === 'sgd' && typeof momentum === 'number' && momentum > 0)
    return { type: 'momentum', learningRate: rate, momentum: rounded(momentum) };
  return { type: found.type, learningRate: rate };
}

function lossOf(value: Json | undefined, notes: string[]): string | undefined {
  if (value === undefined || value === null) return undefined;
  const config = isKerasObject(value) ? value.config : {};
  const name = nameOf(value);
  const loss = name === null || !Object.hasOwn(LOSSES, name) ? undefined : LOSSES[name];
  const changed = ['from_logits', 'label_smoothing', 'ignore_class', 'delta'].find((field) => config[field]);
  if (loss !== undefined && changed === undefined) return loss;
  notes.push(
    changed === undefined
      ? `The loss ${short(value)} has no counterpart here; choose hyperparams.loss.`
      : `The loss ${short(name)} has ${changed}=${JSON.stringify(config[changed])}, which TF.js layers cannot do; choose hyperparams.loss.`,
  );
  return undefined;
}

function metricsOf(value: Json | undefined, notes: string[]): string[] {
  const list = Array.isArray(value)
    ? value.flat(2)
    : isObject(value) && !isKerasObject(value)
      ? [value]
      : [value];
  const found = list.flatMap((metric) => {
    if (metric === undefined || metric === null) return [];
    const name = nameOf(metric);
    const known = name === null || !Object.hasOwn(METRICS, name) ? undefined : METRICS[name];
    if (known === undefined) notes.push(`The metric ${short(metric)} has no counterpart here.`);
    return known === undefined ? [] : [known];
  });
  return [...new Set(found)];
}

/** `mean_squared_error`, `MeanSquaredError`, `{class_name}` and `{class_name: MeanMetricWrapper, config: {fn}}`. */
function nameOf(value: Json): string | null {
  if (typeof value === 'string') return /^[A-Z].*[a-z]/.test(value) ? snake(value) : value.toLowerCase();
  if (!isObject(value)) return null;
  const { class_name: className, config } = value;
  if (className === 'function' && typeof config === 'string') return config;
  if (className === 'MeanMetricWrapper' || className === 'LossFunctionWrapper')
    // "accuracy" is written as the function that it became.
    return isObject(config)
      ? config['name'] === 'accuracy'
        ? 'accuracy'
        : nameOf(config['fn'] ?? null)
      : null;
  return typeof className === 'string' ? snake(className) : null;
}

function snake(name: string): string {
  return name
    .replace(/^.*>/, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** Keras keeps 0.01 as float32 and writes 0.009999999776482582. */
function rounded(value: number): number {
  const shorter = Number(value.toPrecision(7));
  return Math.fround(shorter) === Math.fround(value) ? shorter : value;
}

function near(a: Json, b: Json): boolean {
  return typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-6 * Math.abs(b);
}

function short(value: Json): string {
  return (
    isObject(value) ? textOf(value['class_name'] ?? 'of several outputs') : JSON.stringify(value)
  ).slice(0, 64);
}
