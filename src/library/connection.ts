import { io, type Socket } from 'socket.io-client';
import { backoffMs, type Backoff } from '../protocol/client/backoff.js';
import { NoAnswerError, retryAfterMs } from '../protocol/client/no-answer.js';
import { wireError } from '../protocol/client/read-error.js';
import { socketUrl } from '../protocol/client/socket-url.js';
import { CloudNodeError } from '../protocol/errors.js';
import type { Ack, LibraryToServer, ServerToLibrary } from '../protocol/socket.js';

export interface ConnectionOptions {
  /** Base URLs of gateways, see `baseUrls`. */
  readonly urls: readonly string[];
  readonly auth: Readonly<Record<string, unknown>>;
  readonly backoff: Backoff;
  readonly ackTimeoutMs: number;
  /** Options of Socket.IO's client. */
  readonly socket?: Readonly<Record<string, unknown>> | undefined;
  /** Asked before each try whether this gateway may be told anything. */
  readonly admit?: ((baseUrl: string) => Promise<void>) | undefined;
}

export interface ConnectionHandlers {
  readonly onOpen: () => void;
  readonly onClosed: () => void;
  readonly onHint: () => void;
  /** The pool will not have this Library, now or later: the connection has given up. */
  readonly onRefused: (error: CloudNodeError) => void;
  /** This gateway was not admitted; the next one is tried unless the connection is closed now. */
  readonly onNotAdmitted: (error: CloudNodeError) => void;
}

/** What each event answers. */
export type AnswerTo<E extends keyof LibraryToServer> = Parameters<LibraryToServer[E]>[1] extends (
  answer: Ack<infer T>,
) => void
  ? T
  : never;

/** A connection that lasted this long was a good one: the next wait begins small again. */
const STABLE_MS = 5_000;

/**
 * One socket to any gateway of the pool, replaced whenever it breaks. Socket.IO could reconnect by itself, but only to
 * the URL that it knows; so each try here is a new socket.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  #socket: Socket<ServerToLibrary, LibraryToServer> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #url: number;
  #failures = 0;
  #openedMs = 0;
  /** Counts tries: what an earlier one comes to does not matter any more. */
  #turn = 0;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#url = Math.floor(options.backoff.random() * options.urls.length);
  }

  get connected(): boolean {
    return this.#socket?.connected === true;
  }

  open(): void {
    if (this.#closed) return;
    const base = this.#options.urls[this.#url % this.#options.urls.length] ?? '';
    const { admit } = this.#options;
    if (admit === undefined) return this.#connect(base);
    const turn = (this.#turn += 1);
    const onlyNow = <T>(then: (value: T) => void): ((value: T) => void) => {
      return (value) => (turn === this.#turn ? then(value) : undefined);
    };
    admit(base).then(
      onlyNow(() => this.#connect(base)),
      onlyNow((error: unknown) => this.#notAdmitted(error)),
    );
  }

  #connect(base: string): void {
    const { url, path } = socketUrl(base, '/library');
    const socket: Socket<ServerToLibrary, LibraryToServer> = io(url, {
      ...this.#options.socket,
      path,
      auth: this.#options.auth,
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      timeout: this.#options.ackTimeoutMs,
    });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#openedMs = Date.now();
      this.#handlers.onOpen();
    });
    socket.on('connect_error', (error) => this.#refusedOrRetry(socket, error));
    socket.on('disconnect', () => this.#lost(socket));
    socket.on('library:hint', () => this.#handlers.onHint());
    socket.on('server:draining', ({ reconnectWithinMs }) => {
      this.#wait(this.#options.backoff.random() * reconnectWithinMs, () => this.move());
    });
  }

  /** Leaves this gateway for the next. */
  move(): void {
    this.#drop();
    if (this.#closed) return;
    this.#url += 1;
    this.#handlers.onClosed();
    this.open();
  }

  /** Ends it for good. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /**
   * Sends an event and waits for its acknowledgement.
   * @throws {CloudNodeError} what the pool answered
   * @throws {NoAnswerError} when there is no connection or no answer; a gateway that does not answer is left
   */
  async call<E extends keyof LibraryToServer>(event: E, input: unknown): Promise<AnswerTo<E>> {
    const socket = this.#socket;
    if (socket?.connected !== true) throw new NoAnswerError('There is no connection to the pool.');
    // Which event it is decides what the answer is: more than Socket.IO's types can follow through a type parameter.
    const emit = socket.timeout(this.#options.ackTimeoutMs) as unknown as {
      emitWithAck(event: string, input: unknown): Promise<Ack<AnswerTo<E>>>;
    };
    const answer = await emit.emitWithAck(event, input).catch((cause: unknown) => {
      if (socket === this.#socket && socket.connected) this.move();
      throw new NoAnswerError(`No answer to ${event}.`, { cause });
    });
    if (!answer.ok) throw CloudNodeError.fromWire(answer.error);
    return answer;
  }

  #refusedOrRetry(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return;
    const wire = wireError((error as { data?: unknown }).data);
    const said = wire === null ? error : CloudNodeError.fromWire(wire);
    if (wire !== null && !wire.retryable) {
      this.close();
      this.#handlers.onRefused(said as CloudNodeError);
      return;
    }
    this.#again(retryAfterMs(said));
  }

  #notAdmitted(error: unknown): void {
    if (error instanceof CloudNodeError && !error.retryable) this.#handlers.onNotAdmitted(error);
    this.#again(retryAfterMs(error));
  }

  #lost(socket: Socket): void {
    if (socket !== this.#socket) return;
    if (Date.now() - this.#openedMs >= STABLE_MS) this.#failures = 0;
    this.#handlers.onClosed();
    this.#again(0);
  }

  #again(atLeastMs: number): void {
    this.#drop();
    if (this.#closed) return;
    this.#failures += 1;
    this.#url += 1;
    this.#wait(backoffMs(this.#failures, this.#options.backoff, atLeastMs), () => this.open());
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
  }
}
