import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { Trainer, TrainRequest, TrainResult } from '../../src/library/trainer.js';

/**
 * Holds Libraries in the middle of a round. A round is known by the model it begins with, so that an attempt that is
 * made again is not held a second time.
 */
export class Brake {
  readonly #released = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #events = new EventEmitter({ captureRejections: true }).setMaxListeners(0);

  async pass(global: Float32Array, signal: AbortSignal): Promise<void> {
    const { buffer, byteOffset, byteLength } = global;
    const model = createHash('sha256')
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest('hex');
    if (this.#released.has(model)) return;
    this.#waiting.add(model);
    await once(this.#events, model, { signal });
  }

  /** How many rounds wait; one, while a session is held. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Lets the held ones go on. */
  release(): void {
    for (const model of this.#waiting) {
      this.#released.add(model);
      this.#events.emit(model);
    }
    this.#waiting.clear();
  }
}

/** Trains as `trainer` does, once the brake is off. */
export const heldTrainer = (trainer: Trainer, brake: Brake): Trainer => ({
  train: async (request: TrainRequest): Promise<TrainResult> => {
    await brake.pass(request.global, request.signal);
    return trainer.train(request);
  },
});
