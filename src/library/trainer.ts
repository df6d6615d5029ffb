import type { Assignment } from '../protocol/library.js';
import type { LocalData } from './dataset.js';

export type Metrics = Readonly<Record<string, number>>;

export interface TrainRequest {
  /** `modelTopology` of a TF.js layers model, and what identifies it. */
  readonly topology: unknown;
  readonly topologySha256: string;
  /** The global model, flat, in the order of `model.getWeights()`. Not to be changed. */
  readonly global: Float32Array;
  readonly hyperparams: Assignment['hyperparams'];
  /** Whether to score the global model on the data before training. */
  readonly evaluate: boolean;
  readonly data: LocalData;
  /** Aborted when the result is no longer wanted: stop soon and reject with its reason. */
  readonly signal: AbortSignal;
  /** After each local epoch, and within one as often as is convenient; `epoch` counts from 0. */
  readonly onProgress: (progress: { epoch: number; epochs: number; metrics: Metrics }) => void;
}

export interface TrainResult {
  /** `local − global`, flat, in the order of `request.global`. */
  readonly delta: Float32Array;
  readonly numExamples: number;
  /** Of the last local epoch, e.g. `{ loss, accuracy }`. */
  readonly metrics: Metrics;
  /** Of the global model before training; null when it was not asked for. */
  readonly evaluation: Metrics | null;
}

/**
 * Trains on local data. The Library does everything else (connection, transfer, checks, clipping), so a trainer need
 * not know the pool. The default is {@link TfjsTrainer}; tests and benches plug in cheaper ones.
 */
export interface Trainer {
  /** Called for one request at a time. */
  train(request: TrainRequest): Promise<TrainResult>;
  /** Frees everything; no call follows. */
  dispose?(): void;
}
