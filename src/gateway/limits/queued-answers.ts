import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CloudNodeError } from '../../protocol/errors.js';
import { closeAnswer } from '../close-answer.js';

/** Clients in use send the next request after the answer; whoever sends ahead and reads nothing fills memory. */
export const MAX_QUEUED = 16;

/** Answers to requests that came over a connection before those ahead of them were answered. */
export class QueuedAnswers {
  readonly #queues = new WeakMap<Socket, Set<ServerResponse>>();

  /** Node tells only the answer whose turn it is that its connection ended; here the others learn of it too. */
  watch(server: Server): void {
    server.prependListener('request', ({ socket }, res: ServerResponse) => {
      if (res.socket !== null) return;
      const queue = this.#queueOf(socket).add(res);
      res.once('close', () => queue.delete(res));
    });
  }

  /** @throws `rate_limited` when too many wait on the connection */
  check(socket: Socket): void {
    if ((this.#queues.get(socket)?.size ?? 0) <= MAX_QUEUED) return;
    const text = `More than ${MAX_QUEUED} requests on this connection wait for the answers before theirs: read those first.`;
    throw new CloudNodeError('rate_limited', text, { retryAfterMs: 1_000 });
  }

  #queueOf(socket: Socket): Set<ServerResponse> {
    const found = this.#queues.get(socket);
    if (found !== undefined) return found;
    const queue = new Set<ServerResponse>();
    this.#queues.set(socket, queue);
    socket.once('close', () => {
      for (const res of queue) closeAnswer(res);
    });
    return queue;
  }
}
