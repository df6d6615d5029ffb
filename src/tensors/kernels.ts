/** The tensor kernels: exact folding of updates and scanning of uploaded shards, in WASM SIMD. Browser-safe. */
export { ShardFolder, type FinishOptions, type FoldUpdate } from './shard-folder.js';
export { ShardScanner, type EncodedScan, type ShardScan } from './shard-scanner.js';
