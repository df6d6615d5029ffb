import { Worker } from 'node:worker_threads';
import type { CheckReply } from './check-model-thread.js';
import type { ModelCheck, ModelChecker } from './check-model.js';

const TIMEOUT_MS = 20_000;
const IDLE_MS = 1_000;
const HEAP_MIB = 512;

/**
 * Checks models in a thread, which costs the caller neither time nor memory: it is started when needed and ended when
 * idle. A model that hangs it or takes all its memory ends the thread, and nobody else's check: they go one by one.
 */
export class ThreadModelChecker implements ModelChecker {
  readonly #threadFile: URL;
  #last: Promise<unknown> = Promise.resolve();
  #thread: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(threadFile = new URL('./check-model-thread.js', import.meta.url)) {
    this.#threadFile = threadFile;
  }

  check(model: ModelCheck): Promise<string | null> {
    const checked = this.#last.then(() => this.#check(model));
    this.#last = checked.catch(() => undefined);
    return checked;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }

  async #check(model: ModelCheck): Promise<string | null> {
    clearTimeout(this.#idle);
    const thread = (this.#thread ??= this.#start());
    const { problem, isUsable } = await ask(thread, model);
    if (isUsable) this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    else await this.close();
    return problem;
  }

  #start(): Worker {
    const thread = new Worker(this.#threadFile, {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    thread.unref();
    thread.on('error', () => undefined);
    return thread;
  }
}

function ask(thread: Worker, model: ModelCheck): Promise<{ problem: string | null; isUsable: boolean }> {
  return new Promise((resolve) => {
    const settle = (problem: string | null, isUsable: boolean): void => {
      clearTimeout(timer);
      thread.off('message', onReply).off('error', onError).off('exit', onExit);
      resolve({ problem, isUsable });
    };
    const onReply = ({ problem }: CheckReply): void => settle(problem, true);
    const onError = (error: Error): void =>
      settle(`The topology could not be built: ${error.message}.`, false);
    const onExit = (): void => settle('The topology could not be built: its check was ended.', false);
    const timer = setTimeout(
      () => settle(`The topology could not be built within ${TIMEOUT_MS / 1000} s.`, false),
      TIMEOUT_MS,
    );
    thread.on('message', onReply).on('error', onError).on('exit', onExit);
    thread.postMessage(model);
  });
}
