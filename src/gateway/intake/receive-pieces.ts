import type { CloudNodeError } from '../../protocol/errors.js';
import type { ByteSource } from './byte-source.js';
import type { Place } from './intake-memory.js';

export interface Payload {
  readonly totalBytes: number;
  readonly pieceBytes: number;
  /** What to say when there is less or more; `got` is null when there is more. */
  wrongLength(got: number | null): CloudNodeError;
}

/** A piece of the payload, in the memory of the gateway. */
export interface Piece {
  readonly index: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** One piece comes in while so many others are being stored. */
const PIECES = 4;

/** The memory to receive a payload through: with less than all of it, pieces are stored before others come in. */
export function placeBytes({ totalBytes, pieceBytes }: Payload): number {
  return Math.min(totalBytes, PIECES * pieceBytes);
}

/**
 * Reads a payload of known length piece by piece through a place of `placeBytes`. `handle` looks at a piece and returns
 * when it is stored; its memory is used again afterwards. When anything fails, nothing is being stored any more by the
 * time this throws.
 */
export async function receivePieces(
  from: { source: ByteSource; place: Place },
  payload: Payload,
  handle: (piece: Piece) => Promise<void>,
): Promise<void> {
  const { totalBytes, pieceBytes } = payload;
  const slots = from.place.bytes < totalBytes ? Math.floor(from.place.bytes / pieceBytes) : Infinity;
  const inFlight: Promise<void>[] = [];
  let failure: { readonly reason: unknown } | null = null;
  try {
    for (let offset = 0, index = 0; offset < totalBytes; offset += pieceBytes, index++) {
      // Its memory may be that of an earlier piece.
      if (inFlight.length >= slots) await inFlight.shift();
      const slot = (slots === Infinity ? index : index % slots) * pieceBytes;
      const bytes = from.place.view(slot, Math.min(pieceBytes, totalBytes - offset));
      const got = await from.source.readInto(bytes);
      if (got < bytes.length) throw payload.wrongLength(offset + got);
      // Refused before more is read in vain.
      if (failure !== null) break;
      const stored = handle({ index, at: from.place.at + slot, bytes });
      stored.catch((reason: unknown) => (failure = { reason }));
      inFlight.push(stored);
    }
    if (failure === null && !(await from.source.atEnd())) throw payload.wrongLength(null);
    await Promise.all(inFlight);
  } finally {
    await Promise.allSettled(inFlight);
  }
}
