import { parentPort, workerData } from 'node:worker_threads';
import type { UpdateEncoding } from '../../core/encoding.js';
import { FoldArena, type ArenaFold } from '../../tensors/fold-arena.js';
import type { EncodedScan } from '../../tensors/kernels.js';

/** What the thread is asked; the bytes are in the memory that it shares with who asks. */
export type KernelWork =
  | { readonly kind: 'scan'; readonly at: number; readonly bytes: number; readonly encoding: UpdateEncoding }
  | ({ readonly kind: 'fold' } & ArenaFold);

export interface KernelRequest {
  readonly id: number;
  readonly work: KernelWork;
}

export interface KernelReply {
  readonly id: number;
  readonly scan: EncodedScan | null;
  readonly error: string | null;
}

const arena = new FoldArena(workerData as WebAssembly.Memory);

function run(work: KernelWork): EncodedScan | null {
  if (work.kind === 'scan') return arena.scan(work.at, work.bytes, work.encoding);
  arena.fold(work);
  return null;
}

function reply({ id, work }: KernelRequest): KernelReply {
  try {
    return { id, scan: run(work), error: null };
  } catch (error) {
    return { id, scan: null, error: (error as Error).message };
  }
}

parentPort?.on('message', (requests: readonly KernelRequest[]) =>
  parentPort?.postMessage(requests.map(reply)),
);
