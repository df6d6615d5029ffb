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
  /** For the largest magnitude alone, or for the norm too. */
  readonly scan: (norm: boolean) => void;
}

/** Shards of one encoding in the memory of a gateway: nothing is brought in. */
export function arenaForBench(
  shards: readonly PlacedShard[],
  encoding: UpdateEncoding,
  scale: FoldScale,
): ArenaForBench {
  const sumAt = ARENA_HEAD_BYTES;
  const shardBytes = shards[0]?.bytes.length ?? 0;
  const firstAt = sumAt + SHARD_PARAMS * 8;
  // A gateway gives every update whole cache lines.
  const placeBytes = Math.ceil(shardBytes / 64) * 64;
  const memory = sharedMemory(firstAt + shards.length * placeBytes);
  const arena = new FoldArena(memory);
  const updates = shards.map(({ bytes, numExamples }, i) => {
    const at = firstAt + i * placeBytes;
    new Uint8Array(memory.buffer).set(bytes, at);
    return { at, numExamples };
  });
  const form = { sumAt, clear: false, encoding, paramCount: SHARD_PARAMS, shardParams: SHARD_PARAMS, scale };
  return {
    fold: () => {
      for (let i = 0; i < updates.length; i += 2) arena.fold({ ...form, updates: updates.slice(i, i + 2) });
    },
    scan: (norm) => {
      for (const { at } of updates) arena.scan({ at, bytes: shardBytes, encoding, norm });
    },
  };
}
