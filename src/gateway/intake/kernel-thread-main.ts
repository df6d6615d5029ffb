import { workerData } from 'node:worker_threads';
import type { UpdateEncoding } from '../../core/encoding.js';
import { answerCalls } from '../../process/called-thread.js';
import { FoldArena, type ArenaFold } from '../../tensors/fold-arena.js';
import type { EncodedScan } from '../../tensors/kernels.js';

/** What the thread is asked; the bytes are in the memory that it shares with who asks. */
export type KernelWork =
  | { readonly kind: 'scan'; readonly at: number; readonly bytes: number; readonly encoding: UpdateEncoding }
  | ({ readonly kind: 'fold' } & ArenaFold);

const arena = new FoldArena(workerData as WebAssembly.Memory);

answerCalls((work: KernelWork): EncodedScan | null => {
  if (work.kind === 'scan') return arena.scan(work.at, work.bytes, work.encoding);
  arena.fold(work);
  return null;
});
