import { io, type Socket } from 'socket.io-client';
import { NoAnswerError } from '../protocol/client/no-answer.js';
import { wireError } from '../protocol/client/read-error.js';
import { socketUrl } from '../protocol/client/socket-url.js';
import { CloudNodeError } from '../protocol/errors.js';
import type { LoggedEvent } from '../protocol/http.js';
import { PROTOCOL_VERSION } from '../protocol/ids.js';
import type { Ack, ExploraToServer, ServerToExplora } from '../protocol/socket.js';
import { Queue } from './queue.js';

export type ExploraSocket = Socket<ServerToExplora, ExploraToServer>;

/** How long a word of the pool is waited for. */
export const ANSWER_WITHIN_MS = 30_000;

/**
 * A socket on `/explora` of one gateway. It does not reconnect: whoever uses it tries the next gateway.
 * @throws CloudNodeError, NoAnswerError
 */
export async function connectExplora(baseUrl: string, token: string): Promise<ExploraSocket> {
  const { url, path } = socketUrl(baseUrl, '/explora');
  const socket: ExploraSocket = io(url, {
    path,
    auth: { token, protocolVersion: PROTOCOL_VERSION },
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    timeout: ANSWER_WITHIN_MS,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (error) => {
      socket.disconnect();
      const wire = wireError((error as { data?: unknown }).data);
      const none = new NoAnswerError(`No answer from ${url}: ${error.message}`, { cause: error });
      reject(wire === null ? none : CloudNodeError.fromWire(wire));
    });
  });
  return socket;
}

/** Sends and waits for the acknowledgement. @throws CloudNodeError, NoAnswerError */
export async function ask<T>(
  socket: ExploraSocket,
  event: keyof ExploraToServer,
  input: unknown,
  withinMs = ANSWER_WITHIN_MS,
): Promise<T> {
  const emit = socket.timeout(withinMs) as unknown as {
    emitWithAck(event: string, input: unknown): Promise<Ack<T>>;
  };
  const answer = await emit.emitWithAck(event, input).catch((cause: unknown) => {
    throw new NoAnswerError(`No answer to ${event}.`, { cause });
  });
  if (!answer.ok) throw CloudNodeError.fromWire(answer.error);
  return answer;
}

/** Events of one session over one socket, until it breaks or the caller has enough. */
export async function* socketEvents(
  socket: ExploraSocket,
  ref: { repoId: string; sessionId: string },
  { afterEventId, signal }: { afterEventId: string | null; signal: AbortSignal },
): AsyncGenerator<LoggedEvent> {
  const queue = new Queue<LoggedEvent>();
  const stop = (): void => queue.end();
  signal.addEventListener('abort', stop, { once: true });
  socket.on('disconnect', (reason) => queue.fail(new NoAnswerError(`The connection broke: ${reason}.`)));
  socket.on('server:draining', () => queue.fail(new NoAnswerError('This gateway is going away.')));
  socket.on('session:event', ({ repoId, sessionId, id, atMs, event }) => {
    if (repoId === ref.repoId && sessionId === ref.sessionId) queue.push({ id, atMs, event });
  });
  try {
    await ask(socket, 'session:follow', { ...ref, afterEventId });
    yield* queue;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.disconnect();
  }
}
