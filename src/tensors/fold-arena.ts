import { encodingLayout, shardBytes, type UpdateEncoding } from '../core/encoding.js';
import { powerOfTwo, type FoldScale } from '../core/fold-scale.js';
import { blocks, type Block } from './fold-lanes.js';
import { readScale } from './q8-scale.js';
import { scanShard, SCAN_SCRATCH_BYTES, type PlacedShard, type ShardScan } from './scan-shard.js';
import { shardCount, shardSpan } from './sharding.js';
import { instantiateKernels, widestPass, type KernelInstance } from './wasm.js';

/** What a scan takes, and two factors. The rest is for whoever uses it. */
const SCRATCH_AT = 0;
const FACTORS_AT = SCRATCH_AT + SCAN_SCRATCH_BYTES;
export const ARENA_HEAD_BYTES = 64;

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
  readonly #instance: KernelInstance;
  readonly #memory: Uint8Array;
  readonly #factors: Float64Array;

  constructor(memory: WebAssembly.Memory) {
    this.#instance = instantiateKernels(memory);
    this.#memory = new Uint8Array(memory.buffer);
    this.#factors = new Float64Array(memory.buffer, FACTORS_AT, 2);
  }

  /** A shard of an update. @throws RangeError when the bytes are no whole number of values */
  scan(shard: PlacedShard): ShardScan {
    return scanShard(this.#instance, SCRATCH_AT, shard);
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

  /** Adds a block of one update, or of two: they lie anywhere, and two are always at some distance. */
  #foldPair(
    sumAt: number,
    pair: readonly Values[],
    { encoding, block }: { readonly encoding: UpdateEncoding; readonly block: Block },
  ): void {
    const [{ at } = { at: 0 }, next] = pair;
    pair.forEach(({ factor }, i) => (this.#factors[i] = factor));
    const { kernel } = widestPass(encoding, pair.length);
    const from = at + block.start * encodingLayout(encoding).valueBytes;
    this.#instance.kernels[kernel](sumAt, from, (next?.at ?? at) - at, block.length, FACTORS_AT);
  }
}
