import { encodingLayout, shardBytes, type UpdateEncoding } from '../core/encoding.js';
import { powerOfTwo, type FoldScale } from '../core/fold-scale.js';
import { blocks, type Block } from './fold-lanes.js';
import { ShardScanner, scannerBytes, type EncodedScan } from './shard-scanner.js';
import { shardCount, shardSpan } from './sharding.js';
import { readScale } from './stage-values.js';
import { instantiateShared, type ArenaKernels } from './wasm.js';

/** Two factors, and 64 bytes for what passes through; a scanner. The rest is for whoever uses it. */
const FACTORS_AT = 0;
const SCANNER_AT = 128;
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

/** Values of an update in the memory, and what each is multiplied by: numExamples × 2^(g−p), and the scale of q8. */
interface Values {
  readonly at: number;
  readonly factor: number;
}

/** Scans and folds whole updates where they are: in a memory that others fill and read. See ShardFolder for what must hold. */
export class FoldArena {
  readonly #kernels: ArenaKernels;
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
      const shards = pairs.map((pair) =>
        pair.map((update) => this.#shard(update, { offset: shard * stride, encoding })),
      );
      // Blocks outside, updates inside: a block of the sum stays in cache for all of them.
      for (const block of blocks(length))
        for (const pair of shards)
          this.#foldPair(sumAt + (start + block.start) * 8, pair, { encoding, block });
    }
  }

  /** Where the values of a shard begin, and what they are times. */
  #shard(
    { at, factor }: Values,
    { offset, encoding }: { readonly offset: number; readonly encoding: UpdateEncoding },
  ): Values {
    const { headBytes } = encodingLayout(encoding);
    const scale =
      encoding === 'q8' ? readScale(this.#memory.subarray(at + offset, at + offset + headBytes)) : 1;
    return { at: at + offset + headBytes, factor: factor * scale };
  }

  /** Adds a block of one update, or of two. The kernels of encodings add two: a single one once more, times zero. */
  #foldPair(
    sumAt: number,
    [one, two]: readonly Values[],
    { encoding, block }: { readonly encoding: UpdateEncoding; readonly block: Block },
  ): void {
    if (one === undefined) return;
    const { fold1, fold2, foldF16, foldQ8 } = this.#kernels;
    this.#factors[0] = one.factor;
    this.#factors[1] = two?.factor ?? 0;
    const kernel =
      encoding === 'f16' ? foldF16 : encoding === 'q8' ? foldQ8 : two === undefined ? fold1 : fold2;
    const from = one.at + block.start * encodingLayout(encoding).valueBytes;
    kernel(sumAt, from, (two?.at ?? one.at) - one.at, block.length, FACTORS_AT);
  }
}
