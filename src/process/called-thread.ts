import { parentPort, Worker } from 'node:worker_threads';
import { atEndOfTurn } from '../redis/end-of-turn.js';

interface Asked<Question> {
  readonly id: number;
  readonly question: Question;
}

type Answered<Answer> = { readonly id: number } & ({ readonly answer: Answer } | { readonly error: Error });

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export interface CalledThreadOptions {
  /** Memory for what was made lately, MiB: little is new for long in a thread that only computes. */
  readonly youngMib: number;
  readonly workerData?: unknown;
}

/**
 * A thread for work that must not keep this one, answering in the order in which it is asked. It is started for the
 * first question: one that waits to be needed takes no memory. A thread that fails ends the process: whoever starts it
 * again has a whole one.
 */
export class CalledThread<Question, Answer> {
  readonly #file: URL;
  readonly #options: CalledThreadOptions;
  readonly #waiting = new Map<number, Waiting<Answer>>();
  #thread: Worker | undefined;
  #last = 0;
  // A message costs more than what it says: what is asked in one turn goes over together, and comes back together.
  #asked: Asked<Question>[] = [];

  /** `file` calls {@link answerCalls}. */
  constructor(file: URL, options: CalledThreadOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** @throws the Error that answering threw */
  call(question: Question): Promise<Answer> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (this.#waiting.size === 1) (this.#thread ??= this.#start()).ref();
      if (this.#asked.push({ id, question }) === 1) atEndOfTurn('send', () => this.#send());
    });
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
  }

  #send(): void {
    this.#thread?.postMessage(this.#asked);
    this.#asked = [];
  }

  #start(): Worker {
    const { youngMib, workerData } = this.#options;
    const thread = new Worker(this.#file, {
      workerData,
      // Not the options of this process: not every one of them is allowed in a thread.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: youngMib },
    });
    thread.on('message', (answers: readonly Answered<Answer>[]) => {
      for (const answered of answers) {
        const waiting = this.#waiting.get(answered.id);
        this.#waiting.delete(answered.id);
        if ('error' in answered) waiting?.reject(answered.error);
        else waiting?.resolve(answered.answer);
      }
      if (this.#waiting.size === 0) thread.unref();
    });
    return thread;
  }
}

/** For the file of a {@link CalledThread}: how it answers. */
export function answerCalls<Question, Answer>(answer: (question: Question) => Answer): void {
  const one = ({ id, question }: Asked<Question>): Answered<Answer> => {
    try {
      return { id, answer: answer(question) };
    } catch (error) {
      return { id, error: error as Error };
    }
  };
  parentPort?.on('message', (asked: readonly Asked<Question>[]) => parentPort?.postMessage(asked.map(one)));
}
