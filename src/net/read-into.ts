import type { OnReadOpts } from 'node:net';

/**
 * Where bytes come to while nobody has said where they should. They are copied from it at once, so one is enough. It has
 * room for a request without its body, and little for a body that is read directly then.
 */
export const SCRATCH_BYTES = 4 * 1024;
const scratch = new Uint8Array(SCRATCH_BYTES);

/** Takes what comes over a connection, in the place of its stream. */
export interface Receiver {
  /** Memory for what comes next; null: none, {@link SCRATCH_BYTES} at most are given with `received`. */
  room(): Uint8Array | null;
  /**
   * @param bytes its length is how many came
   * @param inPlace whether they are in the room that was given, and not in memory that is used again
   * @returns whether to go on reading; otherwise `socket.read(0)` does
   */
  received(bytes: Uint8Array, inPlace: boolean): boolean;
}

/**
 * For `onread` of a socket, with which it reads into the memory of a receiver. Node's own way makes a buffer of 64 KiB
 * for each read. Errors and ends come as events all the same.
 *
 * @param receiver who takes the bytes now; is asked after each read, and by the constructor of the socket
 */
export function readInto(receiver: () => Receiver): OnReadOpts {
  return {
    buffer: () => receiver().room() ?? scratch,
    callback: (length, filled) => receiver().received(filled.subarray(0, length), filled !== scratch),
  };
}
