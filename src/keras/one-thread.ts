import { Worker, type TransferListItem } from 'node:worker_threads';

export interface ThreadLimits {
  readonly timeoutMs: number;
  readonly idleMs: number;
  readonly heapMib: number;
}

/** A thread that did not answer: it failed, was ended, or took too long. */
export class ThreadFailure extends Error {}

/**
 * Asks a thread, which costs the caller neither time nor memory: it is started when needed and ended when idle. A
 * question that hangs it or takes all its memory ends the thread, and nobody else's question: they go one by one.
 */
export class OneThread<Question, Answer> {
  readonly #file: URL;
  readonly #limits: ThreadLimits;
  #last: Promise<unknown> = Promise.resolve();
  #thread: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(file: URL, limits: ThreadLimits) {
    this.#file = file;
    this.#limits = limits;
  }

  /** @throws ThreadFailure */
  ask(question: Question, transfer: readonly TransferListItem[] = []): Promise<Answer> {
    const answered = this.#last.then(() => this.#ask(question, transfer));
    this.#last = answered.catch(() => undefined);
    return answered;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }

  async #ask(question: Question, transfer: readonly TransferListItem[]): Promise<Answer> {
    clearTimeout(this.#idle);
    const thread = (this.#thread ??= this.#start());
    try {
      const answer = await this.#exchange(thread, question, transfer);
      this.#idle = setTimeout(() => void this.close(), this.#limits.idleMs).unref();
      return answer;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #start(): Worker {
    const thread = new Worker(this.#file, {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMib },
    });
    thread.unref();
    thread.on('error', () => undefined);
    return thread;
  }

  #exchange(thread: Worker, question: Question, transfer: readonly TransferListItem[]): Promise<Answer> {
    const { timeoutMs } = this.#limits;
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        clearTimeout(timer);
        thread.off('message', onAnswer).off('error', onError).off('exit', onExit);
        done();
      };
      const fail = (message: string): void => settle(() => reject(new ThreadFailure(message)));
      const onAnswer = (answer: Answer): void => settle(() => resolve(answer));
      const onError = (error: Error): void => fail(error.message);
      const onExit = (): void => fail('its thread was ended');
      const timer = setTimeout(() => fail(`it took more than ${timeoutMs / 1000} s`), timeoutMs);
      thread.on('message', onAnswer).on('error', onError).on('exit', onExit);
      thread.postMessage(question, transfer);
    });
  }
}
