import { Worker } from 'node:worker_threads';
import { atEndOfTurn } from '../../redis/end-of-turn.js';
import { FoldArena } from '../../tensors/fold-arena.js';
import type { EncodedScan } from '../../tensors/kernels.js';
import type { KernelReply, KernelRequest, KernelWork } from './kernel-thread-main.js';

/** Scans and folds what lies in a shared memory. */
export interface IntakeKernels {
  scan(work: Omit<Extract<KernelWork, { kind: 'scan' }>, 'kind'>): Promise<EncodedScan>;
  fold(work: Omit<Extract<KernelWork, { kind: 'fold' }>, 'kind'>): Promise<void>;
  close(): Promise<void>;
}

/** In this thread: for tests and tools. */
export function localKernels(memory: WebAssembly.Memory): IntakeKernels {
  const arena = new FoldArena(memory);
  return {
    scan: ({ at, bytes, encoding }) => Promise.resolve(arena.scan(at, bytes, encoding)),
    fold: (fold) => Promise.resolve(arena.fold(fold)),
    close: () => Promise.resolve(),
  };
}

/**
 * In a thread of their own, so that the one that speaks with clients only moves bytes; it is started for the first
 * upload. A thread that fails ends the process: whoever starts it again has a whole one.
 */
export function threadKernels(
  memory: WebAssembly.Memory,
  file = new URL('./kernel-thread-main.js', import.meta.url),
): IntakeKernels {
  const waiting = new Map<number, (reply: KernelReply) => void>();
  let last = 0;
  const start = (): Worker => {
    const made = new Worker(file, {
      workerData: memory,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    made.on('message', (replies: readonly KernelReply[]) => {
      for (const reply of replies) {
        waiting.get(reply.id)?.(reply);
        waiting.delete(reply.id);
      }
      if (waiting.size === 0) made.unref();
    });
    return made;
  };
  let thread: Worker | undefined;
  // A message costs more than what it says: what is asked in one turn goes over together, and comes back together.
  let asked: KernelRequest[] = [];
  const send = (): void => {
    thread?.postMessage(asked);
    asked = [];
  };
  const run = async (work: KernelWork): Promise<EncodedScan | null> => {
    const id = ++last;
    const reply = await new Promise<KernelReply>((resolve) => {
      waiting.set(id, resolve);
      if (waiting.size === 1) (thread ??= start()).ref();
      if (asked.push({ id, work }) === 1) atEndOfTurn('send', send);
    });
    if (reply.error !== null) throw new Error(reply.error);
    return reply.scan;
  };
  return {
    scan: async (work) => (await run({ kind: 'scan', ...work })) as EncodedScan,
    fold: async (work) => void (await run({ kind: 'fold', ...work })),
    close: async () => void (await thread?.terminate()),
  };
}
