import { ShardFolder } from '../../src/tensors/kernels.js';

const idle: { shardParams: number; folder: ShardFolder }[] = [];

/**
 * Lends a folder for as long as `run` takes: its memory (8 bytes a parameter, and the lanes) is made once and reused,
 * and never shared by two shards at a time. A thread has as many as it works on shards at once.
 */
export async function withFolder<T>(
  shardParams: number,
  run: (folder: ShardFolder) => Promise<T>,
): Promise<T> {
  const found = idle.findIndex((entry) => entry.shardParams === shardParams);
  const [entry] = found < 0 ? [] : idle.splice(found, 1);
  const folder = entry?.folder ?? new ShardFolder(shardParams);
  try {
    return await run(folder);
  } finally {
    // One of another size would be kept for nothing: a thread mostly sees one shard size.
    const same = idle.filter((other) => other.shardParams === shardParams);
    idle.splice(0, idle.length, ...same, { shardParams, folder });
  }
}
