import { encodingLayout, shardBytes, type UpdateEncoding } from '../core/encoding.js';
import { powerOfTwo, type FoldScale } from '../core/fold-scale.js';
import { blocks } from './fold-lanes.js';
import { ShardScanner, scannerBytes, type EncodedScan } from './shard-scanner.js';
import { shardCount, shardSpan } from './sharding.js';
import { stageValues } from './stage-values.js';
import { instantiateShared, type Kernels } from './wasm.js';

/** Two factors; two lanes for decoded values, not a power of two apart; a scanner. The rest is for whoever uses it. */
const FACTORS_AT = 0;
const LANE_BYTES = 8_192 * 4 + 256;
const LANES_AT = 64;
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
  readonly #kernels: Kernels;
  readonly #memory: Uint8Array;
  readonly #factors: Float64Array;
  readonly #scanner: ShardScanner;

  constructor(memory: WebAssembly.Memory) {
    const instance = instantiateShared(memory);
    this.#kernels = instance.kernels;
    this.#memory = new Uint8Array(memory.buffer);
    this.#factors = new Float64Array(memory.buffer, FACTORS_AT, 2);
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
      // Blocks outside, updates inside: a block of the sum stays in cache for all of them.
      for (const block of blocks(length)) {
        for (const pair of pairs) {
          pair.forEach(({ factor }, lane) => (this.#factors[lane] = factor));
          const [a = 0, b = a] = pair.map((update, lane) =>
            this.#place({ at: update.at + shard * stride, bytes, encoding }, block, lane),
          );
          const fold = pair.length === 1 ? this.#kernels.fold1 : this.#kernels.fold2;
          fold(sumAt + (start + block.start) * 8, a, b - a, block.length, FACTORS_AT);
        }
      }
    }
  }

  /** Where the f32 of a block are: in the update itself, or decoded in a lane. */
  #place(
    { at, bytes, encoding }: { at: number; bytes: number; encoding: UpdateEncoding },
    block: { readonly start: number; readonly length: number },
    lane: number,
  ): number {
    if (encoding === 'f32') return at + block.start * encodingLayout('f32').valueBytes;
    const room = { kernels: this.#kernels, memory: this.#memory, at: LANES_AT + lane * LANE_BYTES };
    stageValues(room, { bytes: this.#memory.subarray(at, at + bytes), encoding }, block);
    return room.at;
  }
}
