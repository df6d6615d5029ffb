import type { CheckReply } from './check-model-thread.js';
import type { ModelCheck, ModelChecker } from './check-model.js';
import { OneThread, ThreadFailure } from './one-thread.js';

const LIMITS = { timeoutMs: 20_000, idleMs: 1_000, heapMib: 512 };

/** Checks models off the event loop. */
export class ThreadModelChecker implements ModelChecker {
  readonly #thread: OneThread<ModelCheck, CheckReply>;

  constructor(threadFile = new URL('./check-model-thread.js', import.meta.url)) {
    this.#thread = new OneThread(threadFile, LIMITS);
  }

  async check(model: ModelCheck): Promise<string | null> {
    try {
      return (await this.#thread.ask(model)).problem;
    } catch (error) {
      if (error instanceof ThreadFailure) return `The topology could not be built: ${error.message}.`;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
