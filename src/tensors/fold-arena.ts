import { powerOfTwo, type FoldScale } from '../core/fold-scale.js';
import { blocks } from './fold-lanes.js';
import { FreeList } from './free-list.js';
import type { ShardScan } from './shard-scanner.js';
import { instantiateKernels, type Kernels } from './wasm.js';

/** Scratch for the kernels: the sum of a scan, the factor of a fold. */
const SCRATCH_AT = 0;
const SCRATCH_BYTES = 64;
const INFINITY_BITS = 0x7f80_0000;

/** An update that lies in the arena. */
export interface PlacedUpdate {
  readonly at: number;
  readonly numExamples: number;
}

/**
 * One memory for updates on their way in and for the exact sums that they are added to: bytes are written into it once,
 * scanned and folded where they are. It is taken from the system page by page as it is used, never grows beyond its
 * size, and is never given back.
 */
export class FoldArena {
  readonly bytes: number;
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory['buffer'];
  readonly #view: DataView;
  readonly #free: FreeList;

  /** `bytes`: at most 4 GiB, what a WASM memory can have. */
  constructor(bytes: number) {
    const { kernels, memory } = instantiateKernels(SCRATCH_BYTES + bytes);
    this.bytes = bytes;
    this.#kernels = kernels;
    this.#memory = memory.buffer;
    this.#view = new DataView(memory.buffer);
    this.#free = new FreeList(SCRATCH_BYTES, SCRATCH_BYTES + bytes);
  }

  get freeBytes(): number {
    return this.#free.freeBytes;
  }

  /** @returns where, or null when there is no room */
  take(bytes: number): number | null {
    return this.#free.take(bytes);
  }

  giveBack(at: number, bytes: number): void {
    this.#free.giveBack(at, bytes);
  }

  /** The bytes themselves, to be filled or read until they are given back. */
  view(at: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#memory, at, bytes);
  }

  /** Scans f32 where they are; `bytes` is a multiple of 4. */
  scan(at: number, bytes: number): ShardScan {
    const bits = this.#kernels.scan(at, bytes / 4, SCRATCH_AT) >>> 0;
    if (bits >= INFINITY_BITS) return { finite: false, maxAbs: Infinity, sumSquares: Infinity };
    const sumSquares = this.#view.getFloat64(SCRATCH_AT, true);
    this.#view.setUint32(SCRATCH_AT, bits, true);
    return { finite: true, maxAbs: this.#view.getFloat32(SCRATCH_AT, true), sumSquares };
  }

  /** Adds updates of `params` f32 to the sum (i64) at `sumAt`; see ShardFolder for what must hold. */
  fold(
    sumAt: number,
    updates: readonly PlacedUpdate[],
    { params, scale }: { params: number; scale: FoldScale },
  ): void {
    const unit = powerOfTwo(scale.g - scale.p);
    // Blocks outside, updates inside: a block of the sum stays in cache for all of them.
    for (const { start, length } of blocks(params)) {
      for (let i = 0; i < updates.length; i += 2) {
        const [a, b] = [updates[i], updates[i + 1]];
        if (a === undefined) break;
        this.#view.setFloat64(SCRATCH_AT, a.numExamples * unit, true);
        this.#view.setFloat64(SCRATCH_AT + 8, (b?.numExamples ?? 0) * unit, true);
        const fold = b === undefined ? this.#kernels.fold1 : this.#kernels.fold2;
        const stride = b === undefined ? 0 : b.at - a.at;
        fold(sumAt + start * 8, a.at + start * 4, stride, length, SCRATCH_AT);
      }
    }
  }
}
