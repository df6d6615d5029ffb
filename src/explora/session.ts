import type { Metrics } from '../core/session.js';
import { CloudNodeError } from '../protocol/errors.js';
import type { EvaluatedModel } from '../protocol/evaluation.js';
import type { LoggedEvent, SessionView } from '../protocol/http.js';
import type { DownloadedVersion } from './downloads.js';
import type { EvaluateOptions } from './evaluate.js';
import type { Via } from './options.js';

/** A session that failed or was cancelled, with why. */
export class SessionFailedError extends CloudNodeError {
  readonly session: SessionView;

  constructor(session: SessionView) {
    super(
      'session_ended',
      `Session ${session.sessionId} ${session.state}: ${session.reason ?? 'no reason given'}`,
    );
    this.name = 'SessionFailedError';
    this.session = session;
  }
}

export interface FollowOptions extends Via {
  /** Only what came after this event; without it, everything from the beginning. */
  readonly afterEventId?: string;
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal;
}

/** Where a session's handle gets everything: an {@link Explora}. */
export interface SessionSource {
  readSession(sessionId: string): Promise<SessionView>;
  cancelSession(sessionId: string, reason?: string): Promise<SessionView>;
  pauseSession(sessionId: string, pause: boolean): Promise<SessionView>;
  downloadVersion(sessionId: string, version: number): Promise<DownloadedVersion>;
  followSession(sessionId: string, options: FollowOptions): AsyncGenerator<LoggedEvent>;
  evaluate(model: EvaluatedModel, options: EvaluateOptions): Promise<Metrics>;
}

/** One session: a name and what can be done with it. Everything is read from the pool, so it may outlive this object. */
export class ExploraSession {
  readonly sessionId: string;
  readonly #source: SessionSource;

  constructor(source: SessionSource, sessionId: string) {
    this.#source = source;
    this.sessionId = sessionId;
  }

  /** How it stands now. */
  get(): Promise<SessionView> {
    return this.#source.readSession(this.sessionId);
  }

  /**
   * Every event once and in order, across broken connections and gateways, until the final one.
   *
   * ```ts
   * for await (const { event } of session.follow()) console.log(event.type);
   * ```
   */
  follow(options: FollowOptions = {}): AsyncGenerator<LoggedEvent> {
    return this.#source.followSession(this.sessionId, options);
  }

  /**
   * Waits for the end.
   * @throws {SessionFailedError} when it failed or was cancelled
   */
  async result(options: { signal?: AbortSignal } = {}): Promise<SessionView> {
    for (;;) {
      options.signal?.throwIfAborted();
      const session = await this.get();
      if (session.state === 'completed') return session;
      if (session.state === 'failed' || session.state === 'cancelled') throw new SessionFailedError(session);
      // The events only say when to look again; what counts is the record.
      const events = this.follow(options);
      while ((await events.next()).done !== true);
    }
  }

  /** Parameters of a kept version, checked against their hashes. @default the latest */
  async weights(version?: number): Promise<DownloadedVersion> {
    return this.#source.downloadVersion(this.sessionId, await this.#number(version));
  }

  /** Has the pool score a kept version on a test set. @default the latest @see Explora.evaluate */
  async evaluate(options: EvaluateOptions & { readonly version?: number } = {}): Promise<Metrics> {
    const { version, ...rest } = options;
    return this.#source.evaluate({ sessionId: this.sessionId, version: await this.#number(version) }, rest);
  }

  /** The round that is open still ends; no other opens until it is resumed. */
  pause(): Promise<SessionView> {
    return this.#source.pauseSession(this.sessionId, true);
  }

  resume(): Promise<SessionView> {
    return this.#source.pauseSession(this.sessionId, false);
  }

  cancel(reason?: string): Promise<SessionView> {
    return this.#source.cancelSession(this.sessionId, reason);
  }

  async #number(version: number | undefined): Promise<number> {
    return version ?? (await this.get()).version;
  }
}
