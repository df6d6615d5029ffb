import { encodingLayout, type UpdateEncoding } from '../core/encoding.js';
import type { Kernels } from './wasm.js';

/** A shard as it was sent, at any alignment. */
export interface EncodedShard {
  readonly bytes: Uint8Array;
  /** @default f32 */
  readonly encoding?: UpdateEncoding | undefined;
}

/** Memory of the kernels, and a place in it for some f32. */
export interface Room {
  readonly kernels: Kernels;
  readonly memory: Uint8Array;
  readonly at: number;
}

/**
 * Brings parameters [start, start + length) of a shard into the room, as f32, and answers where they are. Encoded ones
 * are copied to its end and decoded from there to its beginning, so that decoding never leaves the first cache and takes
 * no memory of its own. What lies in the memory of the kernels already is not copied, and f32 stay where they are.
 * Every decoded value is exact; hence folding it is what folding the encoded value would be.
 *
 * @param scale of q8, instead of the shard's own
 */
export function stageValues(
  { kernels, memory, at }: Room,
  { bytes, encoding = 'f32' }: EncodedShard,
  { start, length }: { readonly start: number; readonly length: number },
  scale?: number,
): number {
  const { headBytes, valueBytes } = encodingLayout(encoding);
  const from = copyIn({ memory, at: at + length * (4 - valueBytes) }, bytes, {
    start: headBytes + start * valueBytes,
    length: length * valueBytes,
  });
  if (encoding === 'f32') return from;
  if (encoding === 'f16') kernels.decodeF16(from, at, length);
  else kernels.decodeQ8(from, at, length, scale ?? readScale(bytes));
  return at;
}

/** Bytes [start, start + length) to `at`, unless they are in the memory already: answers where they are. */
export function copyIn(
  { memory, at }: Omit<Room, 'kernels'>,
  bytes: Uint8Array,
  { start, length }: { readonly start: number; readonly length: number },
): number {
  if (bytes.buffer === memory.buffer) return bytes.byteOffset + start;
  // A plain view: Buffer.subarray is several times slower than this.
  memory.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length), at);
  return at;
}

/** The scale of a q8 shard: its first four bytes. */
export function readScale(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(0, true);
}
