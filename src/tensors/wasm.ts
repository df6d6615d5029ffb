import { kernels as embedded, sharedKernels } from './generated/kernels.js';

/** Adds one block of K updates, `stride` bytes apart, with K f64 factors at `factors`. */
interface FoldKernel {
  (acc: number, first: number, stride: number, n: number, factors: number): void;
}

/** The exports of assembly/kernels.ts. Pointers and counts are u32; `n` counts parameters. */
export interface Kernels {
  readonly fold1: FoldKernel;
  readonly fold2: FoldKernel;
  readonly fold4: FoldKernel;
  readonly fold8: FoldKernel;
  merge(acc: number, other: number, n: number): void;
  scan(values: number, n: number, sumAt: number): number;
  /** The same of f16. Needs 32 bytes at `sumAt`. */
  scanF16(values: number, n: number, sumAt: number): number;
  finish(acc: number, values: number, n: number, unit: number, total: number, rate: number): void;
  /** These three go through memory upwards, and may work in place as assembly/encodings.ts says. */
  decodeF16(from: number, to: number, n: number): void;
  decodeQ8(from: number, to: number, n: number, scale: number): void;
  encodeF16(from: number, to: number, n: number): void;
}

/** Those of assembly/arena.ts. */
export interface ArenaKernels extends Kernels {
  /** Two updates of f16, as they are. Needs 128 bytes at `factors`, of which the last 64 are its own. */
  readonly foldF16: FoldKernel;
  /** Two updates of q8, as they are; the factors are times their scales. */
  readonly foldQ8: FoldKernel;
}

export interface KernelInstance<K extends Kernels = Kernels> {
  readonly kernels: K;
  readonly memory: WebAssembly.Memory;
}

const PAGE_BYTES = 65_536;

let compiled: WebAssembly.Module | undefined;
let compiledShared: WebAssembly.Module | undefined;

/**
 * Instantiates the kernels over `bytes` of their own memory. The memory never grows, so views on it stay valid.
 * Synchronous: the module is below the 4 KiB that some browsers allow for compiling on the main thread. A page with
 * a content security policy must allow `wasm-unsafe-eval`.
 */
export function instantiateKernels(bytes: number): KernelInstance {
  compiled ??= new WebAssembly.Module(decodeBase64(embedded.base64));
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return { kernels: exports as unknown as Kernels, memory };
}

/** A memory that threads share; from the system page by page, as it is used. @throws RangeError beyond 4 GiB */
export function sharedMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** The kernels over a memory that threads share. Only for Node: browsers have such memory in isolated pages alone. */
export function instantiateShared(memory: WebAssembly.Memory): KernelInstance<ArenaKernels> {
  compiledShared ??= new WebAssembly.Module(decodeBase64(sharedKernels.base64));
  const { exports } = new WebAssembly.Instance(compiledShared, { env: { memory } });
  return { kernels: exports as unknown as ArenaKernels, memory };
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
