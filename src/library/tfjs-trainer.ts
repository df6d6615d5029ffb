import type { LayersModel } from '@tensorflow/tfjs-layers';
import { subtract } from '../tensors/tensor-specs.js';
import type { LocalData } from './dataset.js';
import { macrotask } from './macrotask.js';
import { toTensors, type DataTensors } from './tfjs-data.js';
import { evaluateModel, finite } from './tfjs-evaluate.js';
import { clearFrozen } from './tfjs-frozen.js';
import { buildModel, getFlatWeights, outputUnits, setFlatWeights } from './tfjs-model.js';
import { makeOptimizer } from './tfjs-optimizer.js';
import type { Metrics, Trainer, TrainRequest, TrainResult } from './trainer.js';

/** Models kept between rounds: two, since two sessions of a Repo may take turns. */
const CACHED_MODELS = 2;

/** Trains with TensorFlow.js on its current backend. Models and data stay between rounds; all else is disposed. */
export class TfjsTrainer implements Trainer {
  readonly #models = new Map<string, LayersModel>();
  readonly #tensors = new Map<LocalData, DataTensors & { readonly shapedFor: string }>();

  async train(request: TrainRequest): Promise<TrainResult> {
    const { hyperparams, global, signal } = request;
    const model = await this.#model(request);
    const data = this.#data(request, outputUnits(model));
    const optimizer = makeOptimizer(hyperparams.optimizer);
    try {
      setFlatWeights(model, global);
      model.compile({ optimizer, loss: hyperparams.loss, metrics: [...hyperparams.metrics] });
      const metricNames = namesOf(model);
      const { batchSize } = hyperparams;
      const evaluation = request.evaluate
        ? await evaluateModel(model, data, { batchSize, metricNames, signal })
        : null;
      const metrics = await fit(model, data, request);
      return {
        delta: clearFrozen(model, subtract(await getFlatWeights(model), global)),
        numExamples: data.numExamples,
        metrics,
        evaluation,
      };
    } finally {
      optimizer.dispose();
    }
  }

  dispose(): void {
    for (const model of this.#models.values()) model.dispose();
    for (const data of this.#tensors.values()) disposeData(data);
    this.#models.clear();
    this.#tensors.clear();
  }

  async #model({ topology, topologySha256 }: TrainRequest): Promise<LayersModel> {
    const model = this.#models.get(topologySha256) ?? (await buildModel(topology));
    // Set again so that it is the newest; the oldest goes first.
    this.#models.delete(topologySha256);
    this.#models.set(topologySha256, model);
    for (const [key, old] of this.#models) {
      if (this.#models.size <= CACHED_MODELS) break;
      old.dispose();
      this.#models.delete(key);
    }
    return model;
  }

  #data({ data, hyperparams }: TrainRequest, units: number): DataTensors {
    const { labelIndex, loss } = hyperparams;
    // Tensors that were given are used as they are; all else depends on what the job makes of a label.
    const shapedFor = 'rows' in data || 'inputShape' in data ? `${labelIndex} ${loss} ${units}` : '';
    const cached = this.#tensors.get(data);
    if (cached?.shapedFor === shapedFor) return cached;
    if (cached !== undefined) disposeData(cached);
    const made = { ...toTensors(data, hyperparams, units), shapedFor };
    this.#tensors.set(data, made);
    return made;
  }
}

async function fit(model: LayersModel, data: DataTensors, request: TrainRequest): Promise<Metrics> {
  const { hyperparams, signal, onProgress } = request;
  const { epochs, batchSize, shuffle } = hyperparams;
  const stop = (): void => {
    model.stopTraining = true;
  };
  // fit() clears stopTraining when it begins, so an earlier abort has to be seen here.
  signal.throwIfAborted();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { history } = await model.fit(data.inputs, data.labels, {
      epochs,
      batchSize,
      shuffle,
      verbose: 0,
      callbacks: {
        nextFrameFunc: macrotask,
        onEpochEnd: (epoch, logs) => onProgress({ epoch: epoch + 1, epochs, metrics: named(logs ?? {}) }),
      },
    });
    signal.throwIfAborted();
    return named(Object.fromEntries(Object.entries(history).map(([name, values]) => [name, values.at(-1)])));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function named(logs: Record<string, unknown>): Metrics {
  return finite(Object.entries(logs).map(([name, value]) => [longName(name), Number(value)] as const));
}

function namesOf(model: LayersModel): string[] {
  return model.metricsNames.map(longName);
}

/** TF.js shortens `accuracy`, whatever it was asked for. */
function longName(name: string): string {
  return name.replace(/(^|_)acc$/, '$1accuracy');
}

function disposeData({ inputs, labels, owned }: DataTensors): void {
  if (!owned) return;
  inputs.dispose();
  labels.dispose();
}
