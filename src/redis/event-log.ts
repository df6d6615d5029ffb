import type { SessionEvent } from '../core/decision.js';
import type { LoggedEvent } from '../protocol/http.js';
import type { RedisContext } from './context.js';

/** The replay log of a session: clients resume from the id that they saw last. */
export class EventLog {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** Events after `afterId` (null: from the oldest kept), oldest first. */
  async read(
    repoId: string,
    sessionId: string,
    options: { afterId: string | null; limit?: number },
  ): Promise<LoggedEvent[]> {
    const start = options.afterId === null ? '-' : `(${options.afterId}`;
    const key = this.#context.keys.events(repoId, sessionId);
    const entries = await this.#context.redis.xrange(key, start, '+', 'COUNT', options.limit ?? 500);
    return entries.map(([id, fields]) => ({
      id,
      atMs: Number(id.split('-')[0]),
      // Written by our scripts from typed events; a client checks it again.
      event: JSON.parse(fields[1] ?? '{}') as SessionEvent,
    }));
  }
}
