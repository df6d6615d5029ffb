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
 * Brings parameters [start, start + length) of a shard into the room, as f32. Encoded ones are copied to its end and
 * decoded from there to its beginning, so that decoding never leaves the first cache and takes no memory of its own.
 * Every decoded value is exact; hence folding it is what folding the encoded value would be.
 *
 * @param scale of q8, instead of the shard's own
 */
export function stageValues(
  { kernels, memory, at }: Room,
  { bytes, encoding = 'f32' }: EncodedShard,
  { start, length }: { readonly start: number; readonly length: number },
  scale?: number,
): void {
  const { headBytes, valueBytes } = encodingLayout(encoding);
  const from = at + length * (4 - valueBytes);
  // A plain view: Buffer.subarray is several times slower than this.
  const values = new Uint8Array(
    bytes.buffer,
    bytes.byteOffset + headBytes + start * valueBytes,
    length * valueBytes,
  );
  memory.set(values, from);
  if (encoding === 'f16') kernels.decodeF16(from, at, length);
  if (encoding === 'q8') kernels.decodeQ8(from, at, length, scale ?? readScale(bytes));
}

/** The scale of a q8 shard: its first four bytes. */
export function readScale(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(0, true);
}
