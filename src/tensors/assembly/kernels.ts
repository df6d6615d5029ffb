/**
 * The tensor kernels, in AssemblyScript (not TypeScript: compiled by scripts/build-kernels.mjs, never by tsc).
 *
 * Raw pointers into an imported memory, no runtime, no allocation, no data segment. Every loop takes what fits the
 * vectors first and finishes element by element, so any length works, and every result depends on its input bytes
 * alone: WASM floating point is IEEE 754 without fused or reordered operations.
 */

export { encodeF16 } from './encode-f16';
export { fold1F16, fold2F16 } from './fold-f16';
export { fold1, fold2, fold4, fold8 } from './fold-f32';
export { fold1Q8, fold2Q8 } from './fold-q8';
export { largest, largestF16 } from './largest';
export { liftOf } from './lift';
export { finish, merge } from './mean';
export { scan } from './scan';
export { scanF16 } from './scan-f16';
export { scanQ8 } from './scan-q8';
