import { abortWith } from '../protocol/abort-with.js';
import { NoAnswerError } from '../protocol/client/no-answer.js';
import type { ApiClient } from '../protocol/client/request.js';
import type { LoggedEvent } from '../protocol/http.js';
import { Queue } from './queue.js';
import { SseParser, type ServerSentEvent } from './sse.js';

/** The pool says something at least every 15 s; after this long without it the line is dead. */
const SILENCE_MS = 45_000;

/** Events of one connection, until it ends. @throws CloudNodeError, NoAnswerError */
export async function* streamEvents(
  api: ApiClient,
  path: string,
  { afterEventId, signal }: { afterEventId: string | null; signal: AbortSignal },
): AsyncGenerator<LoggedEvent> {
  const queue = new Queue<LoggedEvent>();
  const own = new AbortController();
  const release = abortWith(own, signal);
  const headers = {
    accept: 'text/event-stream',
    ...(afterEventId === null ? {} : { 'last-event-id': afterEventId }),
  };
  const request = { path, headers, signal: own.signal, idleMs: SILENCE_MS };
  void api
    .attempt(request, async ({ response, alive }) => {
      const parser = new SseParser();
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      for (;;) {
        const chunk = await reader?.read();
        if (chunk?.value === undefined) return;
        alive();
        for (const event of parser.push(decoder.decode(chunk.value, { stream: true }))) {
          // Why the stream ends, the next request says too.
          if (event.event !== 'server:closing') queue.push(toLogged(event));
        }
      }
    })
    .then(
      () => queue.end(),
      (error: unknown) => queue.fail(error),
    );
  try {
    yield* queue;
  } finally {
    release();
    own.abort(new Error('Nobody listens any more.'));
  }
}

function toLogged({ id, data }: ServerSentEvent): LoggedEvent {
  try {
    const { atMs, event } = JSON.parse(data) as Omit<LoggedEvent, 'id'>;
    if (id === null || typeof event.type !== 'string') throw new TypeError('id or type is missing');
    return { id, atMs, event };
  } catch (cause) {
    throw new NoAnswerError(`What came is no event of a session: ${data.slice(0, 100)}`, { cause });
  }
}
