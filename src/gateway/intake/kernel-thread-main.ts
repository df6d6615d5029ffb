import { workerData } from 'node:worker_threads';
import { answerCalls } from '../../process/called-thread.js';
import { FoldArena, type ArenaFold } from '../../tensors/fold-arena.js';
import type { PlacedShard, ShardScan } from '../../tensors/scan-shard.js';

/** What the thread is asked; the bytes are in the memory that it shares with who asks. */
export type KernelWork = ({ readonly kind: 'scan' } & PlacedShard) | ({ readonly kind: 'fold' } & ArenaFold);

const arena = new FoldArena(workerData as WebAssembly.Memory);

answerCalls((work: KernelWork): ShardScan | null => {
  if (work.kind === 'scan') return arena.scan(work);
  arena.fold(work);
  return null;
});
