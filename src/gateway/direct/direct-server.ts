import { Server, ServerResponse, type IncomingMessage, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { closeAnswer } from '../close-answer.js';
import { DirectBody } from './direct-body.js';
import { countAnswer, directRequests, isDirect, setDirectBody, type DirectPaths } from './direct-request.js';
import { adopt } from './direct-socket.js';
import { idleUntilBytes } from './idle-connection.js';

/**
 * An HTTP server that reads large bodies of some requests straight into memory (`directBody`). To listeners they are
 * requests like others; nothing else is different.
 */
export class DirectServer extends Server {
  readonly #paths: DirectPaths;
  readonly #pendingBytes: number;
  /** Of bodies whose requests are not answered. */
  #pending = 0;
  readonly #Response: typeof ServerResponse;
  /** Node's own: puts a parser on a connection. */
  readonly #parse: (socket: Socket) => void;
  /** Without a parser now: Node does not know them. */
  readonly #detached = new Map<Socket, 'busy' | 'idle'>();

  /**
   * `pendingBytes`: when more are on their way, connections end with their answers. The system takes as much for one
   * that waits as it was last able to take at once, tens of MiB for one that has brought much, and for a new one little.
   */
  constructor(options: ServerOptions, paths: DirectPaths, { pendingBytes = Infinity } = {}) {
    super({ IncomingMessage: directRequests(paths), ...options });
    this.#Response = options.ServerResponse ?? ServerResponse;
    this.#paths = paths;
    this.#pendingBytes = pendingBytes;
    this.#parse = this.listeners('connection')[0] as (socket: Socket) => void;
    // Node 22 takes the parser off only where somebody listens. Who asks for another protocol and nobody speaks it:
    this.on('upgrade', (_req, socket) => {
      if (this.listenerCount('upgrade') === 1) socket.destroy();
    });
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const emit = super.emit.bind(this) as (event: string | symbol, ...args: unknown[]) => boolean;
    if (event === 'connection') return emit(event, adopt(args[0] as Socket));
    if (event === 'upgrade') {
      const [req, socket, head] = args as [IncomingMessage, Socket, Uint8Array];
      if (isDirect(req, this.#paths)) return this.#serve(req, socket, head);
    }
    if (event === 'request') {
      const [{ socket }, res] = args as [IncomingMessage, ServerResponse];
      countAnswer(socket, 1);
      res.once('close', () => countAnswer(socket, -1));
    }
    return emit(event, ...args);
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    for (const [socket, state] of this.#detached) if (state === 'idle') socket.destroy();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const socket of this.#detached.keys()) socket.destroy();
  }

  #serve(req: IncomingMessage, socket: Socket, head: Uint8Array): boolean {
    this.#detached.set(socket, 'busy');
    const body = new DirectBody(socket, Number(req.headers['content-length']), head);
    setDirectBody(req, body);
    const res = new this.#Response(req);
    // What Node gives the responses that it makes: with it they say for how long the connection is kept.
    Object.assign(res, { _keepAliveTimeout: this.keepAliveTimeout });
    this.#countPending(body.unread, res);
    const failed = (reason: Error): void => body.broken(reason);
    const ended = (): void => body.broken();
    const closed = (): void => {
      this.#detached.delete(socket);
      body.broken();
      req.destroy();
    };
    const late = (): void => void socket.destroy();
    socket.on('error', failed).on('end', ended).on('close', closed).on('timeout', late);
    res.assignSocket(socket);
    res.once('finish', () => {
      socket.off('error', failed).off('end', ended).off('close', closed).off('timeout', late);
      res.detachSocket(socket);
      process.nextTick(closeAnswer, res);
      this.#goOn(socket, body.unread > 0 || !isKept(res) || socket.readableEnded);
    });
    return this.emit('request', req, res);
  }

  #countPending(bytes: number, res: ServerResponse): void {
    this.#pending += bytes;
    if (this.#pending > this.#pendingBytes) res.setHeader('Connection', 'close');
    res.once('close', () => {
      this.#pending -= bytes;
    });
  }

  /** After the answer. */
  #goOn(socket: Socket, isLast: boolean): void {
    if (isLast) {
      this.#detached.delete(socket);
      socket.on('error', () => undefined).destroySoon();
      return;
    }
    this.#detached.set(socket, 'idle');
    idleUntilBytes(socket, this.keepAliveTimeout, (first) => {
      this.#detached.delete(socket);
      if (first === null) return;
      this.#parse.call(this, socket);
      socket.resume();
      socket.push(first);
    });
  }
}

function isKept(res: ServerResponse): boolean {
  return res.shouldKeepAlive && !/close/i.test(String(res.getHeader('Connection') ?? ''));
}
