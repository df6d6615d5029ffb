import { encodingLayout, type UpdateEncoding } from '../core/encoding.js';
import { readScale } from './q8-scale.js';
import { instantiateKernels, sharedMemory, widestPass, type Kernels } from './wasm.js';

/** A shard as it was sent, at any alignment. */
export interface EncodedShard {
  readonly bytes: Uint8Array;
  /** @default f32 */
  readonly encoding?: UpdateEncoding | undefined;
}

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
  readonly #memory: Buffer;
  readonly #factors: Float64Array;
  readonly #count: number;

  /** @param memory of {@link lanesBytes} */
  constructor(
    maxParams: number,
    count: number,
    memory: WebAssembly.Memory = sharedMemory(lanesBytes(maxParams, count)),
  ) {
    this.#kernels = instantiateKernels(memory).kernels;
    this.#memory = Buffer.from(memory.buffer);
    this.#factors = new Float64Array(memory.buffer, FACTORS_AT, MAX_LANES);
    this.#count = count;
    this.accumulator = accumulatorIn(memory, maxParams, count);
  }

  /** Adds a block of each update, `factors` being numExamples × 2^(g−p) of each. */
  fold(updates: readonly EncodedShard[], factors: readonly number[], block: Block): void {
    for (let first = 0; first < updates.length; first += this.#count) {
      const staged = updates.slice(first, first + this.#count).map(({ bytes, encoding = 'f32' }, lane) => {
        const factor = factors[first + lane] ?? 0;
        // Nothing is lost by it (q8-scale.ts), and the kernels need not know of scales.
        this.#factors[lane] = encoding === 'q8' ? factor * readScale(bytes) : factor;
        const { headBytes, valueBytes } = encodingLayout(encoding);
        return { source: bytes, encoding, start: headBytes + block.start * valueBytes, valueBytes };
      });
      const shift = shiftOf(staged[0]);
      staged.forEach(({ source, start, valueBytes }, lane) =>
        asBuffer(source).copy(
          this.#memory,
          LANES_AT + lane * LANE_STRIDE + shift,
          start,
          start + block.length * valueBytes,
        ),
      );
      this.#foldStaged(
        staged.map(({ encoding }) => encoding),
        { shift, block },
      );
    }
  }

  /** Adds a block of another partial. */
  merge(partial: Uint8Array, { start, length }: Block): void {
    // Twice as wide as an f32, hence in two halves through one lane.
    for (let done = 0; done < length; done += BLOCK_PARAMS / 2) {
      const count = Math.min(BLOCK_PARAMS / 2, length - done);
      const at = this.#stage(partial, (start + done) * 8, count * 8);
      this.#kernels.merge(this.#accAt(start + done), at, count);
    }
  }

  /** Replaces a block of `values` (f32) by itself plus the step. */
  finish(values: Uint8Array, { unit, total, rate }: MeanStep, { start, length }: Block): void {
    const at = this.#stage(values, start * 4, length * 4);
    this.#kernels.finish(this.#accAt(start), at, length, unit, total, rate);
    this.#memory.copy(values, start * 4, at, at + length * 4);
  }

  #accAt(param: number): number {
    return this.accumulator.byteOffset + param * 8;
  }

  /** Brings bytes into the first lane. */
  #stage(source: Uint8Array, start: number, bytes: number): number {
    const at = LANES_AT + shiftOf({ source, start });
    asBuffer(source).copy(this.#memory, at, start, start + bytes);
    return at;
  }

  /** Adds what is in the lanes: neighbours of the same encoding together. */
  #foldStaged(
    encodings: readonly UpdateEncoding[],
    { shift, block: { start, length } }: { readonly shift: number; readonly block: Block },
  ): void {
    let lane = 0;
    while (lane < encodings.length) {
      const encoding = encodings[lane] as UpdateEncoding;
      const other = encodings.findIndex((one, i) => i > lane && one !== encoding);
      const { kernel, updates } = widestPass(encoding, (other < 0 ? encodings.length : other) - lane);
      const at = LANES_AT + lane * LANE_STRIDE + shift;
      this.#kernels[kernel](this.#accAt(start), at, LANE_STRIDE, length, FACTORS_AT + lane * 8);
      lane += updates;
    }
  }
}

/**
 * Where in eight bytes it begins: with Node 20, V8 copies shared memory word by word, and three times as slowly byte by
 * byte where the source and the target do not begin at the same place of a word.
 */
function shiftOf(from?: { readonly source: Uint8Array; readonly start: number }): number {
  return from === undefined ? 0 : (from.source.byteOffset + from.start) % 8;
}

/** Whose `copy` of shared memory is half as fast again as `set`, from Node 22 on. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Cuts a shard into blocks. */
export function* blocks(params: number): Generator<Block> {
  for (let start = 0; start < params; start += BLOCK_PARAMS) {
    yield { start, length: Math.min(BLOCK_PARAMS, params - start) };
  }
}
