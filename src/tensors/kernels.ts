/** Exact folding of updates, in WASM SIMD. */
export { ShardFolder, type FinishOptions, type FoldUpdate } from './shard-folder.js';
