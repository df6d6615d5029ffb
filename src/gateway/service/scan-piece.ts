import type { UpdateEncoding } from '../../core/encoding.js';
import { ShardScanner, type EncodedScan } from '../../tensors/kernels.js';

/** It looks at as much at a time as fits the first cache. */
const SCANNER_BYTES = 16 * 1024;
let scanner: ShardScanner | undefined;

/** Scans a shard of any length. One scanner serves all uploads, since a scan never waits. */
export function scanPiece(bytes: Uint8Array, encoding: UpdateEncoding = 'f32'): EncodedScan {
  scanner ??= new ShardScanner(SCANNER_BYTES);
  return scanner.scanShard(bytes, encoding);
}
