import { shardBytes, type UpdateEncoding } from '../core/encoding.js';
import { powerOfTwo, type FoldScale } from '../core/fold-scale.js';
import { blocks, type Block } from './fold-lanes.js';
import { ShardScanner, scannerBytes, type EncodedScan } from './shard-scanner.js';
import { shardCount, shardSpan } from './sharding.js';
import { stageValues, type EncodedShard, type Room } from './stage-values.js';
import { instantiateShared, type ArenaKernels } from './wasm.js';

/** Two factors, and 64 bytes for what passes through; two lanes for decoded values, not a power of two apart; a scanner. The rest is for whoever uses it. */
const FACTORS_AT = 0;
const LANE_BYTES = 8_192 * 4 + 256;
const LANES_AT = 128;
const SCANNER_AT = LANES_AT + 2 * LANE_BYTES;
const SCANNER_BYTES = 16_384;
export const ARENA_HEAD_BYTES = SCANNER_AT + scannerBytes(SCANNER_BYTES);

/** Updates that lie in the memory, and the exact sum (i64) there that they are to be added to. */
export interface ArenaFold {
  readonly sumAt: number;
  /** Begins the sum at zero. */
  readonly clear: boolean;
  readonly updates: readonly { readonly at: number; readonly numExamples: number }[];
  readonly encoding: UpdateEncoding;
  readonly paramCount: number;
  readonly shardParams: number;
  readonly scale: FoldScale;
}

/** Scans and folds whole updates where they are: in a memory that others fill and read. See ShardFolder for what must hold. */
export class FoldArena {
  readonly #kernels: ArenaKernels;
  readonly #memory: Uint8Array;
  readonly #factors: Float64Array;
  readonly #scanner: ShardScanner;
  /** For what must be decoded: one for each of the two updates that a pass adds. */
  readonly #lanes: readonly [Room, Room];

  constructor(memory: WebAssembly.Memory) {
    const instance = instantiateShared(memory);
    this.#kernels = instance.kernels;
    this.#memory = new Uint8Array(memory.buffer);
    this.#factors = new Float64Array(memory.buffer, FACTORS_AT, 2);
    const lane = (k: number): Room => ({
      kernels: this.#kernels,
      memory: this.#memory,
      at: LANES_AT + k * LANE_BYTES,
    });
    this.#lanes = [lane(0), lane(1)];
    this.#scanner = new ShardScanner(SCANNER_BYTES, { ...instance, at: SCANNER_AT });
  }

  /** A shard of an update. @throws RangeError when the bytes are no whole number of values */
  scan(at: number, bytes: number, encoding: UpdateEncoding): EncodedScan {
    if (encoding === 'f32' && bytes % 4 === 0)
      return { ...this.#scanner.scanInPlace(at, bytes), fault: null };
    return this.#scanner.scanShard(this.#memory.subarray(at, at + bytes), encoding);
  }

  fold({ sumAt, clear, updates, encoding, paramCount, shardParams, scale }: ArenaFold): void {
    if (clear) this.#memory.fill(0, sumAt, sumAt + paramCount * 8);
    const unit = powerOfTwo(scale.g - scale.p);
    const stride = shardBytes(encoding, shardParams);
    const pairs = Array.from({ length: Math.ceil(updates.length / 2) }, (_, i) =>
      updates.slice(2 * i, 2 * i + 2).map(({ at, numExamples }) => ({ at, factor: numExamples * unit })),
    );
    for (let shard = 0; shard < shardCount(paramCount, shardParams); shard++) {
      const { start, length } = shardSpan(paramCount, shardParams, shard);
      const bytes = shardBytes(encoding, length);
      const shards = pairs.map((pair) =>
        pair.map(({ at, factor }) => ({
          bytes: this.#memory.subarray(at + shard * stride, at + shard * stride + bytes),
          factor,
        })),
      );
      // Blocks outside, updates inside: a block of the sum stays in cache for all of them.
      for (const block of blocks(length)) {
        for (const pair of shards) {
          pair.forEach(({ factor }, lane) => (this.#factors[lane] = factor));
          this.#foldPair(
            sumAt + (start + block.start) * 8,
            pair.map(({ bytes }) => ({ bytes, encoding })),
            block,
          );
        }
      }
    }
  }

  /** Adds a block of one update, or two, of which the factors are set. */
  #foldPair(sumAt: number, pair: readonly EncodedShard[], block: Block): void {
    const { fold1, fold2, foldF16 } = this.#kernels;
    if (pair[0]?.encoding === 'f16') {
      const [a = 0, b = a] = pair.map(({ bytes }) => bytes.byteOffset + block.start * 2);
      if (pair.length === 1) this.#factors[1] = 0;
      foldF16(sumAt, a, b - a, block.length, FACTORS_AT);
    } else {
      const [a = 0, b = a] = pair.map((shard, lane) => stageValues(this.#lanes[lane as 0 | 1], shard, block));
      (pair.length === 1 ? fold1 : fold2)(sumAt, a, b - a, block.length, FACTORS_AT);
    }
  }
}
