import { CalledThread } from '../../process/called-thread.js';
import { FoldArena, type ArenaFold } from '../../tensors/fold-arena.js';
import type { PlacedShard, ShardScan } from '../../tensors/scan-shard.js';
import type { KernelWork } from './kernel-thread-main.js';

/** Scans and folds what lies in a shared memory. */
export interface IntakeKernels {
  scan(shard: PlacedShard): Promise<ShardScan>;
  fold(fold: ArenaFold): Promise<void>;
  close(): Promise<void>;
}

/** In this thread: for tests and tools. */
export function localKernels(memory: WebAssembly.Memory): IntakeKernels {
  const arena = new FoldArena(memory);
  return {
    scan: (shard) => Promise.resolve(arena.scan(shard)),
    fold: (fold) => Promise.resolve(arena.fold(fold)),
    close: () => Promise.resolve(),
  };
}

/** In a thread of their own, so that the one that speaks with clients only moves bytes. */
export function threadKernels(
  memory: WebAssembly.Memory,
  file = new URL('./kernel-thread-main.js', import.meta.url),
): IntakeKernels {
  const thread = new CalledThread<KernelWork, ShardScan | null>(file, { youngMib: 2, workerData: memory });
  return {
    scan: async (work) => (await thread.call({ kind: 'scan', ...work })) as ShardScan,
    fold: async (work) => void (await thread.call({ kind: 'fold', ...work })),
    close: () => thread.close(),
  };
}
