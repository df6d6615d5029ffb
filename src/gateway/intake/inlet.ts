import type { Readable } from 'node:stream';

/** What a body tells of itself. */
export interface InletEvents {
  /** Came, in memory of its own. */
  data(chunk: Uint8Array): void;
  /** So many bytes were written to where `open` said; in order, without gaps. */
  filled(bytes: number): void;
  ended(): void;
  broken(reason?: Error): void;
}

/** Where a body comes from, in pieces as large as the network gives; nothing comes unless it is open. */
export interface Inlet {
  /** Lets bytes come: into the room if it can, or as chunks, of which the last may be more than the room holds. */
  open(room: Uint8Array): void;
  shut(): void;
  /** Tells nothing more. */
  release(): void;
}

/** Leaves the stream alone when it is released, so that an answer can still be written to its connection. */
export function streamInlet(stream: Readable, events: InletEvents): Inlet {
  const data = (chunk: Uint8Array): void =>
    // A plain view: subarray of a Buffer is slower.
    events.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
  const ended = (): void => events.ended();
  const broken = (reason?: Error): void => events.broken(reason);
  stream.on('data', data).on('end', ended).on('error', broken).on('close', broken).pause();
  if (stream.readableEnded) ended();
  else if (stream.destroyed) broken();
  return {
    open: () => void stream.resume(),
    shut: () => void stream.pause(),
    release: () => {
      stream.off('data', data).off('end', ended).off('close', broken);
      // What else goes wrong with it is nobody's affair any more, but must not end the process.
      stream.off('error', broken).on('error', () => undefined);
      stream.pause();
    },
  };
}
