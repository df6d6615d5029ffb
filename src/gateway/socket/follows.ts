import type { Socket } from 'socket.io';
import { abortWith } from '../../protocol/abort-with.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { GatewayContext } from '../context.js';
import { followSession } from '../service/follow-session.js';

const MAX_FOLLOWED = 64;

/** The sessions that one socket follows. */
export class Follows {
  readonly #ctx: GatewayContext;
  readonly #socket: Socket;
  readonly #running = new Map<string, AbortController>();

  constructor(ctx: GatewayContext, socket: Socket) {
    this.#ctx = ctx;
    this.#socket = socket;
  }

  /** Anew when it is followed already. @throws `rate_limited` */
  begin(session: { repoId: string; sessionId: string; afterId: string | null }): void {
    this.end(session);
    if (!this.#socket.connected) return;
    if (this.#running.size >= MAX_FOLLOWED)
      throw new CloudNodeError('rate_limited', `A connection follows at most ${MAX_FOLLOWED} sessions.`);
    const ended = new AbortController();
    const key = keyOf(session);
    this.#running.set(key, ended);
    const release = abortWith(ended, this.#ctx.draining);
    this.#emit(session, ended.signal)
      .catch((error: unknown) => {
        // The client asks again with the last id it saw.
        this.#ctx.log.warn({ ...session, err: (error as Error).message }, 'follow failed');
        this.#socket.disconnect(true);
      })
      .finally(() => {
        release();
        if (this.#running.get(key) === ended) this.#running.delete(key);
      });
  }

  end(session: { repoId: string; sessionId: string }): void {
    this.#running.get(keyOf(session))?.abort();
    this.#running.delete(keyOf(session));
  }

  endAll(): void {
    for (const ended of this.#running.values()) ended.abort();
    this.#running.clear();
  }

  async #emit(
    session: { repoId: string; sessionId: string; afterId: string | null },
    signal: AbortSignal,
  ): Promise<void> {
    const { repoId, sessionId } = session;
    for await (const logged of followSession(this.#ctx, session, signal)) {
      if (signal.aborted) return;
      this.#socket.emit('session:event', { repoId, sessionId, ...logged });
    }
  }
}

function keyOf({ repoId, sessionId }: { repoId: string; sessionId: string }): string {
  return `${repoId}/${sessionId}`;
}
