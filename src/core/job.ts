import type { DownloadEncoding, UpdateEncoding } from './encoding.js';

/** What Explora asks for, complete: every default filled in. Durations are milliseconds. */
export interface Job {
  readonly name: string;
  /** The uploaded model that becomes version 0. */
  readonly modelId: string;
  readonly hyperparams: Hyperparams;
  /** Only Libraries that hold this data set are eligible; null: every Library of the Repo. */
  readonly datasetId: string | null;
  readonly selection: Selection;
  readonly continuation: Continuation;
  readonly deadlines: Deadlines;
  readonly termination: Termination;
  readonly strategy: Strategy;
  readonly privacy: Privacy;
  readonly evaluation: Evaluation;
  readonly update: UpdateRules;
  /** How Libraries download the versions that they start from. */
  readonly downloadEncoding: DownloadEncoding;
  /** Every n-th version is kept; the last and the best always are. */
  readonly checkpointEvery: number;
}

/** How a Library trains locally. Passed through to it as it is. */
export interface Hyperparams {
  readonly batchSize: number;
  readonly epochs: number;
  readonly shuffle: boolean;
  readonly optimizer: Optimizer;
  readonly loss: string;
  readonly metrics: readonly string[];
  /** Column of the label in row data; negative counts from the end. */
  readonly labelIndex: number;
}

export interface Optimizer {
  readonly type: 'sgd' | 'momentum' | 'adam' | 'rmsprop' | 'adagrad';
  readonly learningRate: number;
  /** Only for `momentum`. */
  readonly momentum?: number | undefined;
}

export interface Selection {
  /** `all`: every eligible Library, each round. `random`: `goal × overSelection` of them. */
  readonly type: 'random' | 'all';
  /** How many updates a round is meant to average. */
  readonly goal: number;
  /** Bonawitz 2019 selects 130 % of the goal, since 6-10 % of devices drop out. */
  readonly overSelection: number;
  readonly minExamples: number;
  /** Null, or missing in a job of an older version: any. */
  readonly maxExamples?: number | null;
}

/** When a collecting round may close before its deadline. */
export interface Continuation {
  readonly type: 'percentageAveraged' | 'count';
  /** `percentageAveraged`: share of the goal in (0, 1]; `count`: number of updates. */
  readonly value: number;
  /** Fewer than this at the deadline and the round is abandoned. */
  readonly minUpdates: number;
}

export interface Deadlines {
  /** How long to wait for enough Libraries before a round starts with fewer or not at all. */
  readonly recruitMs: number;
  /** How long a round collects updates. */
  readonly roundMs: number;
  /** How long the pool may take to aggregate a closed round. */
  readonly closeMs: number;
  /** How long the last version may wait for its score. */
  readonly evaluateMs: number;
  readonly maxRoundRetries: number;
  /** How long a session may stay paused before it is cancelled. */
  readonly pauseMs: number;
}

export interface Termination {
  readonly maxRounds: number;
  readonly target: { readonly metric: string; readonly value: number } | null;
  /** Stop after this many rounds without a better value of the target metric (or the loss). */
  readonly patience: number | null;
}

export interface Strategy {
  readonly type: 'fedavg';
  /** Multiplies the averaged delta; 1 is FedAvg as in McMahan 2017. */
  readonly serverLearningRate: number;
}

export interface Privacy {
  /** L2 bound of an update over all parameters; the Library clips to it and the gateway refuses more. */
  readonly clipNorm: number | null;
  readonly noiseMultiplier: number;
}

export interface Evaluation {
  /** Every n-th version. */
  readonly every: number;
  /** `libraries`: each scores the model it receives on its own data; `pool`: the evaluator, on the Repo's test set. */
  readonly on: 'libraries' | 'pool' | 'both' | 'none';
  /** The Repo's test set that the evaluator uses; null: the one named like `datasetId`, or `default`. */
  readonly testSetId: string | null;
}

export interface UpdateRules {
  readonly encoding: UpdateEncoding;
  /** No element of an update may exceed this: it fixes the scale of exact folding. */
  readonly maxMagnitude: number;
}

/** How many participants one round may have: the seats that the exact sum has room for. */
export const MAX_PARTICIPANTS = 100_000;

/** Which Libraries must send an update for the round to close early, of `selected` and `goal`. */
export function neededUpdates(job: Job, seats: { readonly goal: number; readonly selected: number }): number {
  const { type, value, minUpdates } = job.continuation;
  const aim = Math.min(seats.goal, seats.selected);
  // The tiny subtraction keeps 0.7 × 10 = 7.000000000000001 from asking for an eighth update.
  const wanted = type === 'count' ? value : Math.ceil(value * aim - 1e-9);
  return Math.max(1, minUpdates, Math.min(wanted, seats.selected));
}
