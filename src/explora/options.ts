import type { Backoff } from '../protocol/client/backoff.js';
import type { TensorSpec } from '../protocol/model.js';

export interface ExploraOptions {
  /** One gateway or several of one pool: `url` and `urls` mean the same. */
  readonly url?: string | readonly string[];
  readonly urls?: string | readonly string[];
  /** A JWT (`cloud-node token`), or where to get a fresh one when it may have expired. */
  readonly token: string | (() => string | Promise<string>);
  readonly repoId: string;
  /**
   * The pool's public key, or several: `cloud-node pool-key show`. With it no gateway is told the token before it has
   * proved itself, and versions are checked against signed manifests. @default none: whoever answers is taken for the pool
   */
  readonly poolKey?: string | readonly string[];
  /** Waits between tries. @default 500 ms, doubling up to 20 s, jittered */
  readonly backoff?: Partial<Backoff>;
}

/** How words travel; what happens is the same. @default 'http' */
export interface Via {
  readonly via?: 'http' | 'socket';
}

/** A model to start from. */
export interface ModelUpload {
  readonly name?: string;
  /** `modelTopology` of a TF.js layers model. */
  readonly topology: Readonly<Record<string, unknown>>;
  /** In the order of `model.getWeights()`. */
  readonly tensors: readonly TensorSpec[];
  /** All tensors, flattened and concatenated in that order. */
  readonly weights: Float32Array;
}

/** A test set for the pool's own evaluation. Shapes are those of one example. */
export interface TestSetUpload {
  readonly inputs: Float32Array;
  readonly inputShape: readonly number[];
  readonly labels: Float32Array;
  readonly labelShape: readonly number[];
  readonly numExamples: number;
}
