import { ShardScanner, type ShardScan } from '../../tensors/kernels.js';
import { SHARD_PARAMS } from '../../tensors/sharding.js';

const SLICE_BYTES = SHARD_PARAMS * 4;
let scanner: ShardScanner | undefined;

/** Scans f32 bytes of any length. One scanner serves all uploads, since a scan never waits. */
export function scanPiece(bytes: Uint8Array): ShardScan {
  scanner ??= new ShardScanner(SLICE_BYTES);
  let total: ShardScan = { finite: true, maxAbs: 0, sumSquares: 0 };
  for (let at = 0; at < bytes.length && total.finite; at += SLICE_BYTES) {
    const slice = bytes.subarray(at, at + SLICE_BYTES);
    scanner.buffer.set(slice);
    const { finite, maxAbs, sumSquares } = scanner.scan(slice.length);
    total = {
      finite,
      maxAbs: Math.max(total.maxAbs, maxAbs),
      sumSquares: total.sumSquares + sumSquares,
    };
  }
  return total;
}
