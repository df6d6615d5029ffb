import type { Socket } from 'node:net';
import { receiveInto } from './direct-socket.js';

/**
 * Keeps a connection without a parser until the first bytes of the next request: a parser counts the time for headers
 * from its own beginning.
 *
 * @param next is called once, with the bytes; with null when the connection ended, or nothing came for `idleMs`
 */
export function idleUntilBytes(
  socket: Socket,
  idleMs: number,
  next: (first: Uint8Array | null) => void,
): void {
  const done = (first: Uint8Array | null): void => {
    socket.off('end', over).off('timeout', over).off('close', over).off('error', over);
    socket.setTimeout(0);
    receiveInto(socket, null);
    if (first === null) socket.on('error', () => undefined).destroy();
    next(first);
  };
  const over = (): void => done(null);
  // It may have come behind the body already.
  const early = socket.read() as Uint8Array | null;
  if (early !== null) return done(early);
  socket.on('end', over).on('timeout', over).on('close', over).on('error', over);
  socket.setTimeout(idleMs);
  const received = (bytes: Uint8Array): boolean => {
    done(Buffer.from(bytes));
    return true;
  };
  receiveInto(socket, { room: () => null, received });
  socket.read(0);
}
