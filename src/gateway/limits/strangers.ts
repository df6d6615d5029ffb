import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CloudNodeError } from '../../protocol/errors.js';
import type { WebServer } from '../tls/web-server.js';
import { blockOf } from './address.js';
import { refuseRaw } from './refuse-raw.js';

export interface StrangerLimits {
  readonly MAX_CONNECTIONS: number;
  readonly MAX_STRANGERS: number;
  readonly MAX_STRANGERS_PER_ADDRESS: number;
  readonly STRANGER_MS: number;
  readonly TRUST_PROXY: number;
}

interface Stranger {
  readonly address: string;
  /** Says why, and ends the connection. */
  refuse(error: CloudNodeError): void;
}

/**
 * Connections over which no valid credentials came yet. They are few: of too many the oldest give way, since whoever
 * has credentials shows them at once. So those who hold connections open keep nobody out.
 */
export class Strangers {
  readonly #limits: StrangerLimits;
  /** In the order in which they came. */
  readonly #waiting = new Map<Socket, Stranger>();
  readonly #byAddress = new Map<string, Set<Socket>>();
  readonly #known = new WeakSet<Socket>();
  #connections = 0;

  constructor(limits: StrangerLimits) {
    this.#limits = limits;
  }

  watch({ server, scheme }: Pick<WebServer, 'server' | 'scheme'>): void {
    // Requests come over what TLS makes of a connection; until then its handshake has a limit of its own.
    if (scheme === 'https') server.maxConnections = this.#limits.MAX_CONNECTIONS;
    server.on(scheme === 'https' ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections++;
      socket.once('close', () => {
        this.#connections--;
        this.#forget(socket);
      });
      this.#add(socket, (error) => refuseRaw(socket, error));
      this.#bound(socket);
    });
    server.prependListener('request', ({ socket }, res: ServerResponse) => {
      // What is being answered is bounded by its own limits, and may show credentials.
      this.#forget(socket);
      // Nor is an answer kept for long for somebody who does not read it.
      if (!this.#known.has(socket)) socket.setTimeout(this.#limits.STRANGER_MS);
      res.once('close', () => {
        if (this.#known.has(socket) || socket.destroyed) return;
        // Shorter than the time that a connection is kept for those who are known.
        socket.setTimeout(this.#limits.STRANGER_MS);
        this.#add(socket, (error) => refuseRaw(socket, error));
        this.#bound(socket);
      });
    });
  }

  isKnown(socket: Socket): boolean {
    return this.#known.has(socket);
  }

  /** Valid credentials came over it. */
  welcome(socket: Socket): void {
    if (!this.#known.has(socket)) socket.setTimeout(0);
    this.#known.add(socket);
    this.#forget(socket);
  }

  /** The connection speaks something else from now on: this ends it. */
  becomes(socket: Socket, refuse: Stranger['refuse']): void {
    if (this.#waiting.has(socket)) this.#add(socket, refuse);
  }

  #bound(newest: Socket): void {
    const { MAX_CONNECTIONS, MAX_STRANGERS, MAX_STRANGERS_PER_ADDRESS, TRUST_PROXY } = this.#limits;
    const address = this.#waiting.get(newest)?.address ?? '';
    const neighbours = this.#byAddress.get(address);
    // Behind a proxy all have its address.
    if (TRUST_PROXY === 0 && neighbours !== undefined && neighbours.size > MAX_STRANGERS_PER_ADDRESS)
      this.#refuseOldest(neighbours, 'MAX_STRANGERS_PER_ADDRESS', 'of one address');
    if (this.#waiting.size > MAX_STRANGERS)
      this.#refuseOldest(this.#waiting.keys(), 'MAX_STRANGERS', 'in all');
    if (this.#connections > MAX_CONNECTIONS)
      this.#refuse(
        newest,
        `This gateway has ${MAX_CONNECTIONS} connections, as many as it takes (MAX_CONNECTIONS).`,
      );
  }

  #refuseOldest(
    sockets: Iterable<Socket>,
    name: 'MAX_STRANGERS' | 'MAX_STRANGERS_PER_ADDRESS',
    which: string,
  ): void {
    const [oldest] = sockets;
    const limit = this.#limits[name];
    if (oldest !== undefined)
      this.#refuse(
        oldest,
        `No credentials came over this connection, and ${limit} newer ones ${which} wait (${name}).`,
      );
  }

  #refuse(socket: Socket, message: string): void {
    const stranger = this.#waiting.get(socket);
    this.#forget(socket);
    stranger?.refuse(new CloudNodeError('rate_limited', message, { retryAfterMs: 1_000 }));
  }

  #add(socket: Socket, refuse: Stranger['refuse']): void {
    const address = blockOf(socket.remoteAddress ?? '');
    this.#waiting.set(socket, { address, refuse });
    const neighbours = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, neighbours.add(socket));
  }

  #forget(socket: Socket): void {
    const stranger = this.#waiting.get(socket);
    if (stranger === undefined) return;
    this.#waiting.delete(socket);
    const neighbours = this.#byAddress.get(stranger.address);
    neighbours?.delete(socket);
    if (neighbours?.size === 0) this.#byAddress.delete(stranger.address);
  }
}
