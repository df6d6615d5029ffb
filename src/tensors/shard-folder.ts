import { shardBytes, type UpdateEncoding } from '../core/encoding.js';
import { powerOfTwo, type FoldScale } from '../core/fold-scale.js';
import { accumulatorIn, blocks, FoldLanes, lanesBytes, MAX_LANES, type EncodedShard } from './fold-lanes.js';

/** One update's slice of a shard. */
export interface FoldUpdate extends EncodedShard {
  readonly numExamples: number;
}

export interface FolderOptions {
  /** How many updates are staged and added in one pass, 1 to 8; each takes 32 KiB. @default 8 */
  readonly lanes?: number;
  /** Of {@link ShardFolder.bytesFor} the same lanes, shared by threads. @default a memory of its own */
  readonly memory?: WebAssembly.Memory;
}

export interface FinishOptions {
  /** The scale with which every update of the partial was folded. */
  readonly scale: FoldScale;
  /** Σ numExamples of those updates. */
  readonly totalExamples: number;
  /** Multiplies the mean delta. @default 1 */
  readonly serverLearningRate?: number;
}

/**
 * Folds the updates of one shard into an exact partial: one 64-bit integer a parameter. The partial depends only on
 * which updates were added, never on order, batches or how partials were merged (Law 4).
 *
 * Deltas must be finite and within the magnitude for which the scale was chosen; whoever stored the update has
 * scanned it, so this is not checked again. Memory is taken once and reused: 8 bytes a parameter and the lanes.
 */
export class ShardFolder {
  readonly #lanes: FoldLanes;
  readonly #maxParams: number;
  #params = 0;

  constructor(maxParams: number, { lanes = MAX_LANES, memory }: FolderOptions = {}) {
    requireInteger('maxParams', maxParams, { from: 1, to: 2 ** 28 });
    requireInteger('lanes', lanes, { from: 1, to: MAX_LANES });
    this.#maxParams = maxParams;
    this.#lanes = new FoldLanes(maxParams, lanes, memory);
  }

  /** The memory that a folder needs. */
  static bytesFor(maxParams: number, lanes = MAX_LANES): number {
    return lanesBytes(maxParams, lanes);
  }

  /** Where a folder has its partial in a memory that it was given: 8 bytes for each of `maxParams`. */
  static partialIn(memory: WebAssembly.Memory, maxParams: number, lanes = MAX_LANES): Uint8Array {
    return accumulatorIn(memory, maxParams, lanes);
  }

  /** Starts a partial of `params` parameters at zero. */
  reset(params: number): void {
    requireInteger('params', params, { from: 1, to: this.#maxParams });
    this.#params = params;
    this.#accumulator().fill(0);
  }

  /** Starts from a stored partial: i64 little-endian, 8 bytes a parameter. */
  load(partial: Uint8Array): void {
    requireInteger('Parameters of the partial (bytes / 8)', partial.length / 8, {
      from: 1,
      to: this.#maxParams,
    });
    this.#params = partial.length / 8;
    this.#accumulator().set(partial);
  }

  /**
   * Adds any number of updates, each in an encoding of its own. What is added is the same as for the decoded f32.
   * @throws RangeError, before anything is added, when an update has another length than the partial or its
   * numExamples exceeds 2^p.
   */
  add(updates: readonly FoldUpdate[], scale: FoldScale): void {
    const unit = powerOfTwo(scale.g - scale.p);
    const maxExamples = powerOfTwo(scale.p);
    const factors = updates.map(({ bytes, numExamples, encoding = 'f32' }, index) => {
      this.#requireLength(`Update ${index}`, bytes, encoding);
      requireInteger(`numExamples of update ${index}`, numExamples, { from: 1, to: maxExamples });
      return numExamples * unit;
    });
    // Blocks outside, updates inside: a block of the accumulator stays in cache for the whole call.
    for (const block of blocks(this.#params)) this.#lanes.fold(updates, factors, block);
  }

  /** Adds another partial of the same length. */
  merge(partial: Uint8Array): void {
    this.#requireLength('The partial', partial, 'i64');
    for (const block of blocks(this.#params)) this.#lanes.merge(partial, block);
  }

  /** A copy of the partial, i64 little-endian. */
  partial(): Uint8Array {
    return this.#accumulator().slice();
  }

  /**
   * The next parameters: f32(base + rate × (sum × 2^(p−g) / totalExamples)), every step in f64 and in this order, so
   * the same partial gives the same bytes on every machine. Where the sum is zero, the base keeps its bits. The partial
   * stays as it is.
   */
  finish(base: Uint8Array, options: FinishOptions): Uint8Array {
    // Not slice: that of a Node Buffer is a view, and the base must stay as it is.
    const next = new Uint8Array(base);
    this.finishInPlace(next, options);
    return next;
  }

  /** The same where the base is. */
  finishInPlace(base: Uint8Array, { scale, totalExamples, serverLearningRate = 1 }: FinishOptions): void {
    this.#requireLength('The base', base, 'f32');
    requireInteger('totalExamples', totalExamples, { from: 1, to: Number.MAX_SAFE_INTEGER });
    if (!Number.isFinite(serverLearningRate)) {
      throw new RangeError(`serverLearningRate is ${serverLearningRate}; it must be finite.`);
    }
    const mean = { unit: powerOfTwo(scale.p - scale.g), total: totalExamples, rate: serverLearningRate };
    for (const block of blocks(this.#params)) this.#lanes.finish(base, mean, block);
  }

  #accumulator(): Uint8Array {
    return this.#lanes.accumulator.subarray(0, this.#params * 8);
  }

  #requireLength(what: string, bytes: Uint8Array, form: UpdateEncoding | 'i64'): void {
    if (this.#params === 0) throw new RangeError('The folder holds no partial: call reset or load first.');
    const expected = form === 'i64' ? this.#params * 8 : shardBytes(form, this.#params);
    if (bytes.length === expected) return;
    throw new RangeError(
      `${what} has ${bytes.length} bytes; a shard of ${this.#params} parameters has ${expected} as ${form}.`,
    );
  }
}

function requireInteger(name: string, value: number, { from, to }: { from: number; to: number }): void {
  if (!Number.isSafeInteger(value) || value < from || value > to) {
    throw new RangeError(`${name} is ${value}; it must be an integer from ${from} to ${to}.`);
  }
}
