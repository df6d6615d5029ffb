import type { IncomingMessage } from 'node:http';
import type { Socket } from 'socket.io';
import type { Config } from '../../config/env.js';
import type { TokenBuckets } from '../../redis/token-buckets.js';
import { toFailure } from '../service/failure.js';
import { clientAddress } from './address.js';
import { QueuedAnswers } from './queued-answers.js';
import { Rates, type RateKind } from './rates.js';
import { endWithNamespaces } from './strange-sockets.js';
import { Strangers } from './strangers.js';

type Meeting = Pick<IncomingMessage, 'headers' | 'socket'>;

/** How much of a gateway one client gets: little before its credentials are seen, and its rate afterwards. */
export class Limits {
  readonly strangers: Strangers;
  readonly queued = new QueuedAnswers();
  readonly rates: Rates;
  readonly #proxies: number;
  readonly #strangerMs: number;
  /** Addresses that a request or handshake was counted for. */
  readonly #counted = new WeakMap<object, string>();

  constructor(buckets: TokenBuckets, config: Config) {
    this.strangers = new Strangers(config);
    this.rates = new Rates(buckets, config);
    this.#proxies = config.TRUST_PROXY;
    this.#strangerMs = config.STRANGER_MS;
  }

  /** A request came. @returns what to wait for, if anything @throws `rate_limited` */
  meetRequest(req: Meeting): Promise<void> | null {
    this.queued.check(req.socket);
    return this.strangers.isKnown(req.socket) ? null : this.meet(req);
  }

  /** Somebody asks for something. @throws `rate_limited` */
  async meet(req: Meeting): Promise<void> {
    if (this.strangers.isKnown(req.socket)) return;
    const address = clientAddress(req, this.#proxies);
    await this.rates.take('address', address);
    this.#counted.set(req, address);
  }

  /** The credentials are valid: from here on they count, and not the address. @throws `rate_limited` */
  async admit(req: Meeting, kind: RateKind, of: string): Promise<void> {
    this.strangers.welcome(req.socket);
    const address = this.#counted.get(req);
    if (address !== undefined) {
      this.#counted.delete(req);
      this.rates.giveBack('address', address);
    }
    await this.rates.take(kind, of);
  }

  /** Counts the events of a socket that was let in; those over the limit are acknowledged with the error. */
  boundEvents(socket: Socket, kind: RateKind, of: string): void {
    endWithNamespaces(socket, this.#strangerMs);
    // A packet that is none ends the connection; without a listener Socket.IO would write it to stderr.
    socket.on('error', () => undefined);
    socket.use((packet, next) => {
      this.rates.take(kind, of).then(
        () => next(),
        (reason: unknown) => {
          const ack: unknown = packet.at(-1);
          if (typeof ack === 'function')
            (ack as (answer: object) => void)({ ok: false, error: toFailure(reason).toWire() });
        },
      );
    });
  }
}
