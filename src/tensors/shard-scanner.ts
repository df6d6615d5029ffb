import { instantiateKernels, type Kernels } from './wasm.js';

/** What a gateway checks of a shard before it stores it. */
export interface ShardScan {
  /** No NaN and no infinity. */
  readonly finite: boolean;
  /** The largest |x|; Infinity when not finite. */
  readonly maxAbs: number;
  /** Σ x² in f64, the same on every machine for the same bytes; Infinity when not finite. */
  readonly sumSquares: number;
}

/** Where the kernel leaves the sum, and where the values begin (aligned to a cache line). */
const SUM_AT = 0;
const VALUES_AT = 64;

const INFINITY_BITS = 0x7f80_0000;

/** Scans f32 shards that are written straight into WASM memory, so a byte is copied once on its way in. */
export class ShardScanner {
  /** `maxBytes` long: write the incoming little-endian f32 here, then {@link scan}. */
  readonly buffer: Uint8Array;
  readonly #kernels: Kernels;
  readonly #view: DataView;

  /** @throws RangeError when `maxBytes` is not a positive multiple of 4. */
  constructor(maxBytes: number) {
    if (!Number.isInteger(maxBytes) || maxBytes < 4 || maxBytes % 4 !== 0) {
      throw new RangeError(`maxBytes is ${maxBytes}; it must be a positive multiple of 4 (whole f32).`);
    }
    const { kernels, memory } = instantiateKernels(VALUES_AT + maxBytes);
    this.#kernels = kernels;
    this.#view = new DataView(memory.buffer);
    this.buffer = new Uint8Array(memory.buffer, VALUES_AT, maxBytes);
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
    const bits = this.#kernels.scan(VALUES_AT, byteLength / 4, SUM_AT) >>> 0;
    if (bits >= INFINITY_BITS) return { finite: false, maxAbs: Infinity, sumSquares: Infinity };
    const sumSquares = this.#view.getFloat64(SUM_AT, true);
    // Reusing the scratch space to read the bits as an f32.
    this.#view.setUint32(SUM_AT, bits, true);
    return { finite: true, maxAbs: this.#view.getFloat32(SUM_AT, true), sumSquares };
  }
}
