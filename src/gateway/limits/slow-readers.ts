import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface SlowReaderLimits {
  /** Longest time in which nothing of an answer is read, ms. */
  readonly idleMs: number;
  /** Strangers have a limit of their own. */
  readonly isKnown: (socket: Socket) => boolean;
}

/**
 * Ends connections on which nothing of a whole answer is read for `idleMs`: a client that is gone without a word would
 * keep it in memory until the kernel gives up, a quarter of an hour later.
 */
export function endSlowReaders(server: Server, { idleMs, isKnown }: SlowReaderLimits): void {
  server.prependListener('request', ({ socket }, res: ServerResponse) => {
    const arm = (): void => void (isKnown(socket) && socket.setTimeout(idleMs));
    // One that was sent ahead is written when it is its turn.
    res.once('prefinish', () => (res.socket === null ? res.once('socket', arm) : arm()));
    // Before Node's own, which sets how long the connection is kept for the next request.
    res.prependOnceListener('finish', () => isKnown(socket) && socket.setTimeout(0));
  });
}

/**
 * Waits until the client has read what was written; one that reads nothing of it for `idleMs` loses the connection.
 * @param signal ends the waiting
 * @returns whether the client is still there
 */
export function drained(res: ServerResponse, idleMs: number, signal?: AbortSignal): Promise<boolean> {
  const { socket } = res;
  if (res.destroyed || socket === null || signal?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const done = (): void => {
      socket.setTimeout(0);
      res.off('drain', done).off('close', done);
      signal?.removeEventListener('abort', done);
      resolve(!res.destroyed);
    };
    // Node counts from the last byte that left.
    socket.setTimeout(idleMs);
    res.on('drain', done).on('close', done);
    signal?.addEventListener('abort', done);
  });
}
