/** The tensor kernels: exact folding of updates and scanning of uploaded shards, in WASM SIMD. */
export { ShardFolder, type FinishOptions, type FoldUpdate } from './shard-folder.js';
export type { ShardScan } from './scan-shard.js';
