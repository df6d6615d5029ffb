import { badFile } from './json.js';

const SIGNATURE = 'GCOL';
const HEADER_BYTES = 16;
const OBJECT_BYTES = 16;

/**
 * Walks the heaps in which HDF5 keeps text of variable length, before the library does: with an object of no size, or
 * of one that goes around the 32 bits of WebAssembly, it would walk for ever.
 * @param bytes a file that begins with the signature of HDF5
 * @throws `invalid_model`
 */
export function requireSoundHeaps(bytes: Uint8Array): void {
  requireUsualSizes(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf(SIGNATURE); at !== -1; at = buffer.indexOf(SIGNATURE, at + 1)) {
    if (at + HEADER_BYTES <= buffer.length && buffer[at + 4] === 1) walk(buffer, at);
  }
}

/** Lengths have 8 bytes wherever Keras runs; the walk knows no other. */
function requireUsualSizes(bytes: Uint8Array): void {
  const version = bytes[8] ?? 0;
  const at = version < 2 ? 13 : 9;
  if (version > 3 || bytes[at] !== 8 || bytes[at + 1] !== 8)
    throw badFile('The HDF5 file is of a kind that Keras does not write.');
}

function walk(buffer: Buffer, start: number): void {
  const end = start + sizeAt(buffer, start + 8);
  if (end > buffer.length) throw broken(start);
  for (let at = start + HEADER_BYTES; at + OBJECT_BYTES <= end;) {
    const size = sizeAt(buffer, at + 8);
    // The free space at the end says its size with its header, an object without.
    const isFree = buffer.readUInt16LE(at) === 0;
    at += isFree ? size : OBJECT_BYTES + 8 * Math.ceil(size / 8);
    if (at > end || (isFree && size < OBJECT_BYTES)) throw broken(start);
  }
}

function sizeAt(buffer: Buffer, at: number): number {
  return Number(buffer.readBigUInt64LE(at));
}

function broken(at: number): Error {
  return badFile(`The HDF5 file is broken: its heap at byte ${at} does not add up.`);
}
