import { Worker } from 'node:worker_threads';
import type { AggregateJob } from '../../src/protocol/queue.js';
import type { FoldAnswer, FoldQuestion } from './fold-thread-main.js';
import type { Folded } from './folded.js';

/** Memory of the thread for what was made lately, MiB: little is new for long in it. */
const YOUNG_MIB = 4;

export interface FoldThread {
  /** @throws Error with what went wrong in the thread */
  run(job: AggregateJob): Promise<Folded>;
  close(): Promise<void>;
}

/**
 * The thread in which this process folds, so that the one that renews locks never computes. All slots share it: most of
 * a job is waiting for the store, and each thread is as large as another process; more processes are how more cores
 * fold. A thread that fails ends the process: whoever starts it again has a whole one, and others get its jobs.
 */
export function startFoldThread(file = new URL('./fold-thread-main.js', import.meta.url)): FoldThread {
  const waiting = new Map<number, (answer: FoldAnswer) => void>();
  let last = 0;
  const start = (): Worker => {
    const made = new Worker(file, {
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    made.on('message', (answer: FoldAnswer) => {
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
    });
    return made;
  };
  // With the first job: one that waits to be needed is half as large.
  let thread: Worker | undefined;
  return {
    run: async (job) => {
      const question: FoldQuestion = { id: ++last, job };
      const answered = new Promise<FoldAnswer>((resolve) => waiting.set(question.id, resolve));
      thread ??= start();
      thread.postMessage(question);
      const answer = await answered;
      if ('error' in answer) throw new Error(answer.error);
      return answer.folded;
    },
    close: async () => void (await thread?.terminate()),
  };
}
