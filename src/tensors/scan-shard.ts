import { encodingLayout, type UpdateEncoding } from '../core/encoding.js';
import { readScale, scaleFault } from './q8-scale.js';
import type { KernelInstance } from './wasm.js';

/** What a gateway checks of a shard before it folds or stores it. */
export interface ShardScan {
  /** No NaN and no infinity. */
  readonly finite: boolean;
  /** The largest |x|; Infinity when not finite. */
  readonly maxAbs: number;
  /**
   * Σ x² if it is asked for, the same on every machine for the same bytes; Infinity when not finite. Of f32, in f64. Of
   * f16, off by 2^-20 of it at most, some being added as f32. Of q8, exact before it is times the square of the scale.
   */
  readonly sumSquares: number | null;
  /** What the encoding does not allow, in words for the sender; null when it is as it should be. */
  readonly fault: string | null;
}

/** Where a shard lies in the memory of the kernels. */
export interface PlacedShard {
  readonly at: number;
  readonly bytes: number;
  readonly encoding: UpdateEncoding;
  /** Whether {@link ShardScan.sumSquares} is wanted, which takes longer. */
  readonly norm: boolean;
}

/** What a scan takes of the memory. */
export const SCAN_SCRATCH_BYTES = 8;

const INFINITY_BITS = 0x7f80_0000;

/**
 * Scans a shard where it lies.
 * @throws RangeError when the bytes are no whole number of values
 */
export function scanShard(
  { kernels, memory }: KernelInstance,
  scratchAt: number,
  { at, bytes, encoding, norm }: PlacedShard,
): ShardScan {
  const { headBytes, valueBytes } = encodingLayout(encoding);
  const params = (bytes - headBytes) / valueBytes;
  if (!Number.isInteger(params) || params < 0)
    throw new RangeError(`${bytes} bytes are no shard of ${encoding}.`);
  const scratch = new DataView(memory.buffer, scratchAt, SCAN_SCRATCH_BYTES);
  const sum = (): number => scratch.getFloat64(0, true);
  if (encoding === 'q8') {
    const steps = kernels.scanQ8(at + headBytes, params, scratchAt);
    const head = new Uint8Array(memory.buffer, at, headBytes);
    const fault = scaleFault(head) ?? (steps > 127 ? 'it has a value of -128; the lowest is -127' : null);
    if (fault !== null) return notFinite(norm, fault);
    const scale = readScale(head);
    const sumSquares = norm ? sum() * scale * scale : null;
    return { finite: true, maxAbs: steps * scale, sumSquares, fault };
  }
  const bits = norm
    ? kernels[encoding === 'f16' ? 'scanF16' : 'scan'](at, params, scratchAt)
    : kernels[encoding === 'f16' ? 'largestF16' : 'largest'](at, params);
  if (bits >>> 0 >= INFINITY_BITS) return notFinite(norm, null);
  const sumSquares = norm ? sum() : null;
  scratch.setUint32(0, bits, true);
  return { finite: true, maxAbs: scratch.getFloat32(0, true), sumSquares, fault: null };
}

function notFinite(norm: boolean, fault: string | null): ShardScan {
  return { finite: false, maxAbs: Infinity, sumSquares: norm ? Infinity : null, fault };
}
