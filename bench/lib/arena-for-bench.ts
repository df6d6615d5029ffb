import type { UpdateEncoding } from '../../src/core/encoding.js';
import type { FoldScale } from '../../src/core/fold-scale.js';
import { ARENA_HEAD_BYTES, FoldArena } from '../../src/tensors/fold-arena.js';
import { SHARD_PARAMS } from '../../src/tensors/sharding.js';
import { sharedMemory } from '../../src/tensors/wasm.js';

interface PlacedShard {
  readonly bytes: Uint8Array;
  readonly numExamples: number;
}

export interface ArenaForBench {
  /** Adds all shards, two a call, as a gateway does with updates that came together. */
  readonly fold: () => void;
  readonly scan: () => void;
}

/** Shards of one encoding in the memory of a gateway: nothing is brought in. */
export function arenaForBench(
  shards: readonly PlacedShard[],
  encoding: UpdateEncoding,
  scale: FoldScale,
): ArenaForBench {
  const sumAt = Math.ceil(ARENA_HEAD_BYTES / 64) * 64;
  const shardBytes = shards[0]?.bytes.length ?? 0;
  const firstAt = sumAt + SHARD_PARAMS * 8;
  const memory = sharedMemory(firstAt + shards.length * shardBytes);
  const arena = new FoldArena(memory);
  const updates = shards.map(({ bytes, numExamples }, i) => {
    const at = firstAt + i * shardBytes;
    new Uint8Array(memory.buffer).set(bytes, at);
    return { at, numExamples };
  });
  const form = { sumAt, clear: false, encoding, paramCount: SHARD_PARAMS, shardParams: SHARD_PARAMS, scale };
  return {
    fold: () => {
      for (let i = 0; i < updates.length; i += 2) arena.fold({ ...form, updates: updates.slice(i, i + 2) });
    },
    scan: () => {
      for (const { at } of updates) arena.scan(at, shardBytes, encoding);
    },
  };
}
