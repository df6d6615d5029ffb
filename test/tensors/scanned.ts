/** Scans of shards for the tests. */
import type { UpdateEncoding } from '../../src/core/encoding.js';
import { SCAN_SCRATCH_BYTES, scanShard, type ShardScan } from '../../src/tensors/scan-shard.js';
import { instantiateKernels, sharedMemory } from '../../src/tensors/wasm.js';

const instance = instantiateKernels(sharedMemory(2 ** 21));
/** Nothing is aligned, and what lies around is no number in any encoding. */
const AT = SCAN_SCRATCH_BYTES + 5;

export function scanned(
  bytes: Uint8Array,
  encoding: UpdateEncoding,
  { norm = true }: { readonly norm?: boolean } = {},
): ShardScan {
  const all = new Uint8Array(instance.memory.buffer);
  all.fill(0xff, SCAN_SCRATCH_BYTES, AT + bytes.length + 64);
  all.set(bytes, AT);
  return scanShard(instance, 0, { at: AT, bytes: bytes.length, encoding, norm });
}
