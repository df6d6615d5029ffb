import { ShardFolder } from '../../src/tensors/kernels.js';
import { runStep, type FoldStep, type StepDone } from './fold-step.js';

/** Folds one shard at a time, perhaps elsewhere. */
export interface Folder {
  /** In the order in which they are asked for. Bytes that are not in shared memory may be copied, but for `finish`. */
  run(step: FoldStep): Promise<StepDone>;
  /** Where the partial lies, from its first parameter to the last that a shard may have. */
  partial(): Uint8Array;
  close(): void;
}

/**
 * Lends folders: their memory (8 bytes a parameter, and the lanes) is made once and used again, and never shared by two
 * shards at a time. There are as many as shards that are worked on at once.
 */
export class FolderPool {
  readonly #open: (shardParams: number) => Folder;
  readonly #end: () => Promise<void>;
  #idle: { readonly shardParams: number; readonly folder: Folder }[] = [];

  constructor(open: (shardParams: number) => Folder, end: () => Promise<void> = () => Promise.resolve()) {
    this.#open = open;
    this.#end = end;
  }

  async with<T>(shardParams: number, run: (folder: Folder) => Promise<T>): Promise<T> {
    const found = this.#idle.findIndex((entry) => entry.shardParams === shardParams);
    const [entry] = found < 0 ? [] : this.#idle.splice(found, 1);
    const folder = entry?.folder ?? this.#open(shardParams);
    try {
      return await run(folder);
    } finally {
      // One of another size would be kept for nothing: a process mostly sees one shard size.
      for (const other of this.#idle) if (other.shardParams !== shardParams) other.folder.close();
      this.#idle = [
        ...this.#idle.filter((other) => other.shardParams === shardParams),
        { shardParams, folder },
      ];
    }
  }

  close(): Promise<void> {
    return this.#end();
  }
}

/** In this thread: for tests and tools. */
export function localFolders(): FolderPool {
  return new FolderPool((shardParams) => {
    const folder = new ShardFolder(shardParams);
    return {
      run: async (step) => runStep(folder, step),
      partial: () => folder.partial(),
      close: () => undefined,
    };
  });
}
