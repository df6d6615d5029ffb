import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/core/random.js';
import type { Trainer, TrainRequest, TrainResult } from '../../src/library/trainer.js';

export interface DeterministicTrainerOptions {
  /** Who trains: decides where the model is drawn to. */
  readonly seed: number;
  readonly numExamples: number;
  /** How long training takes. */
  readonly trainMs?: number;
}

/**
 * Draws the model a tenth of the way to a point of its own. No mathematics of learning, but like it in what matters here:
 * the update depends on the Library and on every byte of the model it received, and is the same each time.
 */
export class DeterministicTrainer implements Trainer {
  readonly #options: DeterministicTrainerOptions;
  trained = 0;

  constructor(options: DeterministicTrainerOptions) {
    this.#options = options;
  }

  async train({ global, signal, onProgress }: TrainRequest): Promise<TrainResult> {
    const { seed, numExamples, trainMs = 0 } = this.#options;
    if (trainMs > 0) await sleep(trainMs, undefined, { signal });
    onProgress({ epoch: 0, epochs: 1, metrics: {} });
    const delta = deltaTowards(global, seed);
    this.trained += 1;
    const loss = delta.reduce((sum, value) => sum + value * value, 0) / delta.length;
    return { delta, numExamples, metrics: { loss }, evaluation: null };
  }
}

/** The update of that trainer, for whoever computes what must come out. */
export function deltaTowards(global: Float32Array, seed: number): Float32Array {
  const random = seededRandom(seed);
  return global.map((value) => Math.fround(0.1 * (random() * 2 - 1 - value)));
}

/** A seed from a name, so that everybody who knows the name knows the updates. */
export function seedOf(libraryId: string): number {
  return [...libraryId].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7) >>> 0;
}
