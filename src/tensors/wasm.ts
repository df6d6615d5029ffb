import type { UpdateEncoding } from '../core/encoding.js';
import { kernels as embedded } from './generated/kernels.js';

/**
 * Adds a block of some updates, `stride` bytes apart, with as many f64 factors at `factors`. Four bytes before each update
 * are read, too.
 */
interface FoldKernel {
  (acc: number, first: number, stride: number, n: number, factors: number): void;
}

/** The exports of assembly/kernels.ts. Pointers and counts are u32; `n` counts parameters. */
export interface Kernels {
  readonly fold1: FoldKernel;
  readonly fold2: FoldKernel;
  readonly fold4: FoldKernel;
  readonly fold8: FoldKernel;
  readonly fold1F16: FoldKernel;
  readonly fold2F16: FoldKernel;
  /** The factors are times the scales. */
  readonly fold1Q8: FoldKernel;
  readonly fold2Q8: FoldKernel;
  /** 0 for a factor with which f16 are folded one by one (assembly/lift.ts). */
  liftOf(factor: number): number;
  merge(acc: number, other: number, n: number): void;
  finish(acc: number, values: number, n: number, unit: number, total: number, rate: number): void;
  /** The bits of an f32, as a signed integer; those of infinity and more for what is not finite. */
  largest(values: number, n: number): number;
  largestF16(values: number, n: number): number;
  /** The same, and the sum of squares (f64) to `sumAt`. */
  scan(values: number, n: number, sumAt: number): number;
  scanF16(values: number, n: number, sumAt: number): number;
  /** The largest as a whole number. */
  scanQ8(values: number, n: number, sumAt: number): number;
  /** May work in place. */
  encodeF16(from: number, to: number, n: number): void;
}

export interface KernelInstance {
  readonly kernels: Kernels;
  readonly memory: WebAssembly.Memory;
}

/** A kernel that adds so many updates in one pass. */
export interface FoldPass {
  readonly updates: number;
  readonly kernel: keyof Kernels & `fold${string}`;
}

/** Those of each encoding, the widest first. */
const FOLD_PASSES: Readonly<Record<UpdateEncoding, readonly FoldPass[]>> = {
  f32: [
    { updates: 8, kernel: 'fold8' },
    { updates: 4, kernel: 'fold4' },
    { updates: 2, kernel: 'fold2' },
    { updates: 1, kernel: 'fold1' },
  ],
  f16: [
    { updates: 2, kernel: 'fold2F16' },
    { updates: 1, kernel: 'fold1F16' },
  ],
  q8: [
    { updates: 2, kernel: 'fold2Q8' },
    { updates: 1, kernel: 'fold1Q8' },
  ],
};

/** The one that adds the most updates, of those that add `left` or fewer. */
export function widestPass(encoding: UpdateEncoding, left: number): FoldPass {
  const found = FOLD_PASSES[encoding].find(({ updates }) => updates <= left);
  if (found === undefined) throw new RangeError(`${left} updates can not be added.`);
  return found;
}

const PAGE_BYTES = 65_536;

let compiled: WebAssembly.Module | undefined;

/** A memory that threads share; from the system page by page, as it is used. @throws RangeError beyond 4 GiB */
export function sharedMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** The kernels over such a memory. It never grows, so views on it stay valid. */
export function instantiateKernels(memory: WebAssembly.Memory): KernelInstance {
  compiled ??= new WebAssembly.Module(Buffer.from(embedded.base64, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return { kernels: exports as unknown as Kernels, memory };
}
