import { CalledThread } from '../../src/process/called-thread.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { sharedMemory } from '../../src/tensors/wasm.js';
import type { StepDone } from './fold-step.js';
import type { FoldQuestion } from './fold-thread-main.js';
import { FolderPool, type Folder } from './folder-pool.js';

/**
 * Folders whose work is done in one thread, so that the one that renews locks only moves bytes. All slots share it:
 * most of a job is waiting for the store; more processes are how more cores fold.
 */
export function threadFolders(): FolderPool {
  const file = new URL('./fold-thread-main.js', import.meta.url);
  const thread = new CalledThread<FoldQuestion, StepDone>(file, { youngMib: 2 });
  let last = 0;
  const open = (shardParams: number): Folder => {
    const folder = ++last;
    const memory = sharedMemory(ShardFolder.bytesFor(shardParams));
    const opened = thread.call({ folder, do: 'open', shardParams, memory });
    // Whoever takes the first step is told.
    opened.catch(() => undefined);
    return {
      run: async (step) => {
        await opened;
        return thread.call({ folder, ...step });
      },
      partial: () => ShardFolder.partialIn(memory, shardParams),
      close: () => void thread.call({ folder, do: 'close' }).catch(() => undefined),
    };
  };
  return new FolderPool(open, () => thread.close());
}
