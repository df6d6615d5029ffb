import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import type { CloudNodeError } from '../../protocol/errors.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { boundStranger } from '../limits/strange-sockets.js';
import { requireClientCertificate } from '../tls/client-certificate.js';
import { admit, type Admitted, type Claim } from './admission.js';
import { ExploraClient } from './explora-client.js';
import { LegacyError, toLegacyError, type LegacyErrorType } from './legacy-error.js';
import { LibraryClient } from './library-client.js';
import { readMessage, type LegacyMessage } from './messages.js';
import type { SessionAliases } from './session-alias.js';
import { checkAgain, endWithCredential, noteRefusal } from './still-admitted.js';

const LOOK_MS = 500;
/** Clients of 2019 send REGISTER and the session at once; the rest of it waits in the connection after two reads. */
const READ_AHEAD_BYTES = 2 * 64 * 1024;
const CLOSE_WITHIN_MS = 2_000;
/** "Policy violation" of RFC 6455. */
const REFUSED = 1008;

export interface ConnectionOptions {
  readonly ctx: GatewayContext;
  readonly aliases: SessionAliases;
  readonly socket: WebSocket;
  readonly claim: Pick<Claim, 'credential' | 'from'>;
  /** Of the connection, which may have a certificate. */
  readonly stream: Socket;
  readonly onRegistered: () => void;
}

type Client = { readonly library: LibraryClient } | { readonly explora: ExploraClient };

/** One WebSocket of a client of the predecessor. Messages are worked on one after another. */
export class LegacyConnection {
  readonly #options: ConnectionOptions;
  readonly #ended = new AbortController();
  #client: Client | null = null;
  #who: Admitted | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, stream } = options;
    const { limits, config } = options.ctx;
    const maxBytes = config.STRANGER_BYTES + READ_AHEAD_BYTES;
    boundStranger(stream, { strangers: limits.strangers, webSocket: socket, maxBytes });
    const late = setTimeout(() => socket.terminate(), config.STRANGER_MS);
    this.#ended.signal.addEventListener('abort', () => clearTimeout(late));
    socket.on('message', (data, isBinary) => {
      // The next one waits in the socket, not in memory.
      socket.pause();
      void this.#then(async () => {
        await this.#receive(isBinary ? null : (data as Buffer).toString());
        if (this.#client !== null) clearTimeout(late);
      }).finally(() => socket.resume());
    });
    socket.on('error', () => socket.terminate());
  }

  /** Resolves when what it did is given back. */
  async close(): Promise<void> {
    this.#ended.abort();
    const leave = this.#then(async () => {
      if (this.#client !== null && 'library' in this.#client) await this.#client.library.close();
    });
    await Promise.race([leave, sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }

  /** One thing after another; what goes wrong is said to the client. */
  #then(run: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(run).catch((reason: unknown) => this.#complain(reason, 'OTHER'));
    return this.#work;
  }

  async #receive(data: string | null): Promise<void> {
    let type: LegacyErrorType = 'DESERIALIZATION';
    let message: LegacyMessage | null = null;
    try {
      if (data === null) throw new LegacyError(type, 'Error while converting JSON.');
      message = readMessage(data);
      type =
        message.type === 'REGISTER'
          ? 'REGISTRATION'
          : message.type === 'NEW_SESSION'
            ? 'NEW_SESSION'
            : 'NEW_UPDATE';
      await this.#handle(message);
    } catch (reason) {
      this.#complain(reason, type);
      if (!(reason instanceof LegacyError) || reason.type !== 'AUTHENTICATION') return;
      const { ctx, claim, socket } = this.#options;
      if (message !== null) noteRefusal(ctx, claim, message);
      socket.close(REFUSED);
    }
  }

  async #handle(message: LegacyMessage): Promise<void> {
    if (message.type === 'REGISTER') return this.#register(message);
    const client = this.#client;
    if (this.#who !== null) await checkAgain(this.#options.ctx, this.#who, this.#ended.signal);
    if (client === null) throw new LegacyError('NOT_REGISTERED', 'This client is not registered!');
    if (message.type === 'NEW_SESSION') {
      if ('explora' in client) return client.explora.start(message);
    } else if ('library' in client) {
      return 'results' in message ? client.library.update(message) : client.library.noUpdate(message);
    }
    throw new LegacyError('INCORRECT_CLIENT_TYPE', 'Incorrect node type!');
  }

  async #register({ node_type, repo_id, api_key }: LegacyMessage & { type: 'REGISTER' }): Promise<void> {
    if (this.#client !== null) throw new LegacyError('REGISTRATION', 'Client already exists!');
    const { ctx, aliases, claim, socket, stream, onRegistered } = this.#options;
    const isLibrary = node_type === 'LIBRARY';
    if (isLibrary) requireClientCertificate(ctx.config, stream);
    await ctx.limits.meet(claim.from);
    const credential = api_key ?? claim.credential;
    const who = await admit(
      ctx,
      { credential, repoId: repo_id ?? null, from: claim.from },
      isLibrary ? 'library' : 'explora',
    );
    // The fields came in 2020, and with them the answers.
    const year = repo_id === undefined && api_key === undefined ? 2019 : 2020;
    const send = (out: object): void => this.#send(out);
    const shared = { ctx, who, by: byRequest(ctx, claim.from), year, send } as const;
    this.#who = who;
    onRegistered();
    const end = (why: CloudNodeError): void => {
      this.#complain(why, 'AUTHENTICATION');
      socket.close(REFUSED);
    };
    endWithCredential(ctx, who, { ended: this.#ended.signal, end });
    if (year === 2020) send({ action: 'REGISTRATION_SUCCESS', error: false });
    if (!isLibrary) {
      this.#client = { explora: new ExploraClient({ ...shared, signal: this.#ended.signal }) };
      return;
    }
    const library = new LibraryClient({ ...shared, aliases });
    this.#client = { library };
    void this.#look(library);
  }

  /** A Library of the predecessor waits to be told; so the pool is asked in its place. */
  async #look(library: LibraryClient): Promise<void> {
    const { socket } = this.#options;
    while (!this.#ended.signal.aborted) {
      const looked = this.#work.then(() => (this.#ended.signal.aborted ? undefined : library.look()));
      this.#work = looked.catch((reason: unknown) => {
        const error = toLegacyError(reason, 'OTHER');
        this.#options.ctx.log.debug({ err: error.message }, 'legacy Library not served');
        if (error.type !== 'AUTHENTICATION') return;
        this.#send(error.toWire());
        socket.close(REFUSED);
      });
      await this.#work;
      await sleep(LOOK_MS, undefined, { signal: this.#ended.signal }).catch(() => undefined);
    }
  }

  #complain(reason: unknown, type: LegacyErrorType): void {
    const error = toLegacyError(reason, type);
    const { log } = this.#options.ctx;
    log.debug({ type: error.type, msgToClient: error.message }, 'legacy message refused');
    this.#send(error.toWire());
  }

  #send(message: object): void {
    const { socket } = this.#options;
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  }
}
