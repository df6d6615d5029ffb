import { stageValues, type EncodedShard } from './stage-values.js';
import { instantiateKernels, instantiateShared, type Kernels } from './wasm.js';

/** Parameters [start, start + length) of a shard. */
export interface Block {
  readonly start: number;
  readonly length: number;
}

/** How an integer sum becomes a step: f64(sum) × unit / total × rate. */
export interface MeanStep {
  readonly unit: number;
  readonly total: number;
  readonly rate: number;
}

/** Measured: eight lanes and their accumulator fill a third of a 1 MiB L2; smaller blocks pay for more calls. */
const BLOCK_PARAMS = 8_192;
/** Not a power of two apart, or all lanes and the accumulator would compete for the same cache sets. */
const LANE_STRIDE = BLOCK_PARAMS * 4 + 256;
/** The most updates that one pass adds: {@link Kernels.fold8}. */
export const MAX_LANES = 8;
/** The factors of a pass, f64, come first in the memory; then the lanes, then the accumulator. */
const FACTORS_AT = 0;
const LANES_AT = 64;

/** How large the memory of so many lanes and their accumulator is. */
export function lanesBytes(maxParams: number, count: number): number {
  return LANES_AT + count * LANE_STRIDE + maxParams * 8;
}

export function accumulatorIn({ buffer }: WebAssembly.Memory, maxParams: number, count: number): Uint8Array {
  return new Uint8Array(buffer, LANES_AT + count * LANE_STRIDE, maxParams * 8);
}

/**
 * The memory of a folder: some lanes, through which bytes of any alignment pass block by block, and the accumulator.
 * A block and its lanes stay in the first caches, so each byte of an update crosses main memory once.
 */
export class FoldLanes {
  /** The whole accumulator, i64 little-endian. */
  readonly accumulator: Uint8Array;
  readonly #kernels: Kernels;
  readonly #memory: Uint8Array;
  readonly #factors: Float64Array;
  readonly #count: number;

  /** `shared`: of {@link lanesBytes}, for others to read the accumulator there. @default a memory of its own */
  constructor(maxParams: number, count: number, shared?: WebAssembly.Memory) {
    const { kernels, memory } =
      shared === undefined ? instantiateKernels(lanesBytes(maxParams, count)) : instantiateShared(shared);
    this.#kernels = kernels;
    this.#memory = new Uint8Array(memory.buffer);
    this.#factors = new Float64Array(memory.buffer, FACTORS_AT, MAX_LANES);
    this.#count = count;
    this.accumulator = accumulatorIn(memory, maxParams, count);
  }

  /** Adds a block of each update, `factors` being numExamples × 2^(g−p) of each. */
  fold(updates: readonly EncodedShard[], factors: readonly number[], block: Block): void {
    const kernels = this.#kernels;
    const memory = this.#memory;
    for (let first = 0; first < updates.length; first += this.#count) {
      const staged = updates.slice(first, first + this.#count);
      staged.forEach((update, lane) => {
        stageValues({ kernels, memory, at: LANES_AT + lane * LANE_STRIDE }, update, block);
        this.#factors[lane] = factors[first + lane] ?? 0;
      });
      this.#foldStaged(staged.length, block);
    }
  }

  /** Adds a block of another partial. */
  merge(partial: Uint8Array, { start, length }: Block): void {
    // Twice as wide as an f32, hence in two halves through one lane.
    for (let done = 0; done < length; done += BLOCK_PARAMS / 2) {
      const count = Math.min(BLOCK_PARAMS / 2, length - done);
      this.#stage(partial, { at: (start + done) * 8, bytes: count * 8 });
      this.#kernels.merge(this.#accAt(start + done), LANES_AT, count);
    }
  }

  /** Replaces a block of `values` (f32) by itself plus the step. */
  finish(values: Uint8Array, { unit, total, rate }: MeanStep, { start, length }: Block): void {
    this.#stage(values, { at: start * 4, bytes: length * 4 });
    this.#kernels.finish(this.#accAt(start), LANES_AT, length, unit, total, rate);
    values.set(this.#memory.subarray(LANES_AT, LANES_AT + length * 4), start * 4);
  }

  #accAt(param: number): number {
    return this.accumulator.byteOffset + param * 8;
  }

  /** Bytes as they are, to the first lane. */
  #stage(source: Uint8Array, { at, bytes }: { at: number; bytes: number }): void {
    this.#memory.set(new Uint8Array(source.buffer, source.byteOffset + at, bytes), LANES_AT);
  }

  #foldStaged(lanes: number, { start, length }: Block): void {
    const { fold1, fold2, fold4, fold8 } = this.#kernels;
    let lane = 0;
    while (lane < lanes) {
      const left = lanes - lane;
      const [fold, width] =
        left >= 8 ? [fold8, 8] : left >= 4 ? [fold4, 4] : left >= 2 ? [fold2, 2] : [fold1, 1];
      fold(this.#accAt(start), LANES_AT + lane * LANE_STRIDE, LANE_STRIDE, length, FACTORS_AT + lane * 8);
      lane += width;
    }
  }
}

/** Cuts a shard into blocks. */
export function* blocks(params: number): Generator<Block> {
  for (let start = 0; start < params; start += BLOCK_PARAMS) {
    yield { start, length: Math.min(BLOCK_PARAMS, params - start) };
  }
}
