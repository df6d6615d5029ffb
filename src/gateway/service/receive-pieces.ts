import type { CloudNodeError } from '../../protocol/errors.js';
import type { ByteSource } from './byte-source.js';
import type { PieceBuffers } from './piece-buffers.js';

export interface Payload {
  readonly totalBytes: number;
  readonly pieceBytes: number;
  /** What to say when there is less or more; `got` is null when there is more. */
  wrongLength(got: number | null): CloudNodeError;
}

/** Pieces that are being stored while the next one comes in. */
const IN_FLIGHT = 3;

/**
 * Reads a payload of known length piece by piece. `handle` looks at a piece and returns when it is stored; its bytes
 * are used again afterwards. When anything fails, nothing is being stored any more by the time this throws.
 */
export async function receivePieces(
  from: { source: ByteSource; buffers: PieceBuffers },
  payload: Payload,
  handle: (piece: Uint8Array, index: number) => Promise<void>,
): Promise<void> {
  const inFlight: Promise<void>[] = [];
  let failure: { readonly reason: unknown } | null = null;
  try {
    for (let offset = 0, index = 0; offset < payload.totalBytes; offset += payload.pieceBytes, index++) {
      if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
      const piece = from.buffers.take(Math.min(payload.pieceBytes, payload.totalBytes - offset));
      const got = await from.source.readInto(piece);
      if (got < piece.length) throw payload.wrongLength(offset + got);
      // Refused before more is read in vain.
      if (failure !== null) break;
      const stored = handle(piece, index).then(() => from.buffers.giveBack(piece));
      stored.catch((reason: unknown) => (failure = { reason }));
      inFlight.push(stored);
    }
    if (failure === null && !(await from.source.atEnd())) throw payload.wrongLength(null);
    await Promise.all(inFlight);
  } finally {
    await Promise.allSettled(inFlight);
  }
}
