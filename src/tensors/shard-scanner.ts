import { encodingLayout, type UpdateEncoding } from '../core/encoding.js';
import type { Block } from './fold-lanes.js';
import { scaleFault } from './q8-scale.js';
import { copyIn, readScale, stageValues, type EncodedShard } from './stage-values.js';
import { instantiateKernels, type KernelInstance, type Kernels } from './wasm.js';

/** What a gateway checks of a shard before it stores it. */
export interface ShardScan {
  /** No NaN and no infinity. */
  readonly finite: boolean;
  /** The largest |x|; Infinity when not finite. */
  readonly maxAbs: number;
  /** Σ x² in f64, the same on every machine for the same bytes; Infinity when not finite. */
  readonly sumSquares: number;
}

/** The same of a shard in any encoding. */
export interface EncodedScan extends ShardScan {
  /** What the encoding does not allow, in words for the sender; null when it is as it should be. */
  readonly fault: string | null;
}

/** Encoded shards are scanned piece by piece, so that the pieces stay in the first cache. */
const BLOCK_PARAMS = 4_096;

/** The kernel leaves the sum at the beginning; the values begin at the next cache line. */
const HEAD_BYTES = 64;

/** What a scanner of so many bytes takes of a memory. */
export function scannerBytes(maxBytes: number): number {
  return HEAD_BYTES + maxBytes;
}

const INFINITY_BITS = 0x7f80_0000;
const NOT_FINITE: ShardScan = { finite: false, maxAbs: Infinity, sumSquares: Infinity };

/** Scans shards: f32 that are written straight into WASM memory, or any encoding, brought in piece by piece. */
export class ShardScanner {
  /** `maxBytes` long: write the incoming little-endian f32 here, then {@link scan}. */
  readonly buffer: Uint8Array;
  readonly #kernels: Kernels;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #at: number;

  /**
   * In a memory of its own, or at `place.at` of another.
   * @throws RangeError when `maxBytes` is not a positive multiple of 4.
   */
  constructor(maxBytes: number, place?: KernelInstance & { readonly at: number }) {
    if (!Number.isInteger(maxBytes) || maxBytes < 4 || maxBytes % 4 !== 0) {
      throw new RangeError(`maxBytes is ${maxBytes}; it must be a positive multiple of 4 (whole f32).`);
    }
    const { kernels, memory, at } = place ?? { ...instantiateKernels(scannerBytes(maxBytes)), at: 0 };
    this.#kernels = kernels;
    this.#at = at;
    this.#memory = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.buffer = new Uint8Array(memory.buffer, at + HEAD_BYTES, maxBytes);
  }

  /**
   * Scans the first `byteLength` bytes of {@link buffer}.
   * @throws RangeError when that is not a whole number of f32 or longer than the buffer.
   */
  scan(byteLength: number): ShardScan {
    if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength % 4 !== 0) {
      throw new RangeError(`byteLength is ${byteLength}; it must be a multiple of 4 (whole f32).`);
    }
    if (byteLength > this.buffer.length) {
      throw new RangeError(`byteLength is ${byteLength}; the scanner holds ${this.buffer.length} bytes.`);
    }
    return this.scanInPlace(this.buffer.byteOffset, byteLength);
  }

  /** Scans f32 that are elsewhere in the same memory. */
  scanInPlace(at: number, byteLength: number): ShardScan {
    return this.#result(this.#kernels.scan(at, byteLength / 4, this.#at) >>> 0);
  }

  #result(bits: number): ShardScan {
    if (bits >= INFINITY_BITS) return NOT_FINITE;
    const sumSquares = this.#view.getFloat64(this.#at, true);
    // Reusing the scratch space to read the bits as an f32.
    this.#view.setUint32(this.#at, bits, true);
    return { finite: true, maxAbs: this.#view.getFloat32(this.#at, true), sumSquares };
  }

  /**
   * Scans a shard of any length. The answer is that for the decoded f32; of q8, the sum of squares is that of the whole
   * numbers, which is exact, times the square of the scale.
   * @throws RangeError when the bytes are no whole number of values.
   */
  scanShard(bytes: Uint8Array, encoding: UpdateEncoding): EncodedScan {
    const { headBytes, valueBytes } = encodingLayout(encoding);
    const params = (bytes.length - headBytes) / valueBytes;
    if (!Number.isInteger(params) || params < 0) {
      throw new RangeError(`${bytes.length} bytes are no shard of ${encoding}.`);
    }
    const scan = this.#scanBlocks({ bytes, encoding }, params);
    if (encoding !== 'q8') return { ...scan, fault: null };
    const fault =
      scaleFault(bytes) ?? (scan.maxAbs > 127 ? 'it has a value of -128; the lowest is -127' : null);
    if (fault !== null) return { ...NOT_FINITE, fault };
    const scale = readScale(bytes);
    return {
      finite: true,
      maxAbs: scan.maxAbs * scale,
      sumSquares: scan.sumSquares * scale * scale,
      fault,
    };
  }

  #scanBlocks(shard: { bytes: Uint8Array; encoding: UpdateEncoding }, params: number): ShardScan {
    const blockParams = Math.min(BLOCK_PARAMS, this.buffer.length / 4);
    let [maxAbs, sumSquares] = [0, 0];
    for (let start = 0; start < params; start += blockParams) {
      const length = Math.min(blockParams, params - start);
      const block = this.#scanBlock(shard, { start, length });
      if (!block.finite) return NOT_FINITE;
      maxAbs = Math.max(maxAbs, block.maxAbs);
      sumSquares += block.sumSquares;
    }
    return { finite: true, maxAbs, sumSquares };
  }

  /** f16 is scanned as it is. q8 is decoded with a scale of 1, so that every step is exact. */
  #scanBlock(shard: EncodedShard, block: Block): ShardScan {
    const room = { kernels: this.#kernels, memory: this.#memory, at: this.buffer.byteOffset };
    const { start, length } = block;
    if (shard.encoding !== 'f16') return this.scanInPlace(stageValues(room, shard, block, 1), length * 4);
    const at = copyIn(room, shard.bytes, { start: start * 2, length: length * 2 });
    return this.#result(this.#kernels.scanF16(at, length, this.#at) >>> 0);
  }
}
