import { DEFAULT_BACKOFF } from '../protocol/client/backoff.js';
import { PoolIdentity } from '../protocol/client/pool-identity.js';
import { repoOfKey } from '../protocol/client/repo-of-key.js';
import { newNonce } from '../protocol/client/signed.js';
import { ApiClient, baseUrls } from '../protocol/client/request.js';
import { CloudNodeError, isIdentityError } from '../protocol/errors.js';
import { PROTOCOL_VERSION } from '../protocol/ids.js';
import type { Assignment, LibraryStatus } from '../protocol/library.js';
import { Connection } from './connection.js';
import { countExamples, type LocalData } from './dataset.js';
import { Desk } from './desk.js';
import { Emitter } from './emitter.js';
import type { LibraryEvents, LibraryOptions, LibraryState } from './options.js';
import { Pool } from './pool.js';
import { readStatus } from './signed-answers.js';
import { StatusLoop } from './status-loop.js';
import { keyOf, type Phase, type TaskEnd } from './task.js';
import type { Trainer } from './trainer.js';

/**
 * A participant: holds data, trains when it is asked to, and sends only updates. It survives restarts of any part of the
 * pool and never throws out of the blue; what goes wrong is told to the listeners of `error`.
 *
 * ```ts
 * const library = new Library({ url: 'https://pool.example', apiKey, libraryId: 'hospital-7' });
 * library.addData('mnist', { inputs, inputShape: [784], labels, labelShape: [10] });
 * library.on('round', ({ round, outcome }) => console.log(round, outcome));
 * await library.join();
 * ```
 */
export class Library extends Emitter<LibraryEvents> {
  readonly #options: LibraryOptions;
  readonly #data = new Map<string, LocalData>();
  readonly #connection: Connection;
  readonly #identity: PoolIdentity | null;
  readonly #pool: Pool;
  readonly #loop: StatusLoop;
  readonly #desk: Desk;
  #joining: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | null = null;
  #announced = false;
  /** The pool knows this Library, or did. */
  #joined = false;
  #stopped = false;
  #state: LibraryState = 'new';
  #phase: Phase | null = null;
  #trainer: Promise<Trainer> | null = null;
  #left: Promise<void> | null = null;

  constructor(options: LibraryOptions) {
    super();
    this.#options = options;
    if (options.onState !== undefined) this.on('state', options.onState);
    const { apiKey, libraryId } = options;
    const backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
    const headers = { authorization: `Bearer ${apiKey}`, 'library-id': libraryId };
    const auth = { apiKey, libraryId, protocolVersion: PROTOCOL_VERSION };
    const urls = baseUrls(options.url);
    const { poolKey, ackTimeoutMs = 15_000, transport = {} } = options;
    const identity =
      poolKey === undefined ? null : new PoolIdentity(poolKey, repoOfKey(apiKey), transport.fetch);
    this.#identity = identity;
    const proven = identity === null ? undefined : (url: string): Promise<void> => identity.prove(url);
    const admit = identity === null ? undefined : (url: string): Promise<void> => identity.admit(url);
    this.#connection = new Connection(
      { urls, auth, backoff, ackTimeoutMs, admit: proven, socket: transport.socket },
      {
        onOpen: () => {
          this.#announced = false;
          this.#loop.request();
        },
        onClosed: () => {
          this.#loop.pause();
          this.#show();
        },
        onHint: () => this.#loop.request(),
        onRefused: (error) => this.#refused(error),
        // Once joined, it waits for the pool to be back; before that, the options are the likely reason.
        onNotAdmitted: (error) => (this.#joined ? this.emit('error', error) : this.#refused(error)),
      },
    );
    this.#pool = new Pool(
      new ApiClient({ urls, headers: () => headers, backoff, admit, fetch: transport.fetch }),
      this.#connection,
      identity,
    );
    this.#desk = new Desk({
      context: {
        pool: this.#pool,
        trainer: () => (this.#trainer ??= this.#makeTrainer()),
        find: (datasetId) => this.#find(datasetId),
        onPhase: (phase) => this.#show(phase),
        onProgress: (progress) => this.emit('progress', progress),
      },
      onEnd: (assignment, end) => this.#ended(assignment, end),
    });
    this.#loop = new StatusLoop({
      backoff,
      ask: () => this.#ask(),
      act: (status) => this.#desk.act(status),
      onError: (error) => this.#complain(error),
    });
  }

  get state(): LibraryState {
    return this.#state;
  }

  /**
   * Adds or replaces a data set; announced at once when joined. It stays where it is: nothing of it is ever sent but the
   * number of examples.
   * @throws TypeError when inputs and labels do not fit
   */
  addData(datasetId: string, data: LocalData): void {
    countExamples(data);
    this.#data.set(datasetId, data);
    this.#announced = false;
    if (this.#connection.connected) this.#loop.request();
  }

  /**
   * Connects, says what data there is, and from now on trains whenever asked. Resolves when the pool knows this Library;
   * as long as no gateway answers it goes on trying.
   * @throws {CloudNodeError} when the pool refuses for good, e.g. `unauthenticated`
   */
  join(): Promise<void> {
    if (this.#joining !== null) return this.#joining.promise;
    let resolve = (): void => {};
    let reject: (error: Error) => void = () => {};
    const promise = new Promise<void>((onDone, onFailed) => {
      resolve = onDone;
      reject = onFailed;
    });
    // Whoever does not await it is told by `error`.
    promise.catch(() => {});
    this.#joining = { promise, resolve, reject };
    if (this.#data.size === 0) this.#refused(new TypeError('There is no data: call addData() first.'));
    else if (this.#stopped) reject(new Error('This Library has left.'));
    else {
      this.#show();
      this.#connection.open();
    }
    return promise;
  }

  /** Stops training, gives the assignment back and disconnects. It cannot join again: make another one. */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    this.#loop.stop();
    const current = this.#desk.current;
    this.#desk.stop('The Library is leaving.');
    if (current !== null && this.#connection.connected) {
      const reason = 'The Library is leaving.';
      // Somebody else is asked at once instead of at the end of the lease.
      await this.#connection.call('assignment:decline', { ...keyOf(current), reason }).catch(() => {});
    }
    this.#end(new Error('The Library left before it had joined.'));
    await this.#desk.idle;
    (await this.#trainer?.catch(() => null))?.dispose?.();
  }

  async #ask(): Promise<LibraryStatus> {
    if (this.#announced) return this.#question('assignment:get', {});
    this.#announced = true;
    const datasets = [...this.#data].map(([datasetId, data]) => ({
      datasetId,
      numExamples: countExamples(data),
    }));
    try {
      const status = await this.#question('library:join', { datasets });
      this.#joined = true;
      this.#joining?.resolve();
      this.#show();
      return status;
    } catch (error) {
      this.#announced = false;
      throw error;
    }
  }

  async #question(event: 'library:join' | 'assignment:get', input: object): Promise<LibraryStatus> {
    if (this.#identity === null) return this.#connection.call(event, input);
    const nonce = newNonce();
    const status = await this.#connection.call(event, { ...input, nonce });
    return readStatus(this.#identity, status, { libraryId: this.#options.libraryId, nonce });
  }

  #find(datasetId: string | null): LocalData | null {
    const data = datasetId === null ? this.#data.values().next().value : this.#data.get(datasetId);
    return data ?? null;
  }

  async #makeTrainer(): Promise<Trainer> {
    const { trainer, tf } = this.#options;
    if (trainer !== undefined) return trainer;
    await (typeof tf === 'function' ? tf() : tf);
    const { TfjsTrainer } = await import('./tfjs-trainer.js');
    return new TfjsTrainer();
  }

  #ended(assignment: Assignment, { outcome, error, result, duplicate }: TaskEnd): void {
    this.#show(null);
    const { metrics = null, evaluation = null } = result ?? {};
    this.emit('round', { ...keyOf(assignment), outcome, duplicate, metrics, evaluation });
    if (error !== null) this.emit('error', error);
    if (this.#connection.connected) this.#loop.request();
  }

  /** Errors that asking again does not change; credentials that stopped working end it. */
  #complain(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const code = error instanceof CloudNodeError ? error.code : null;
    const notOurs = isIdentityError(error) && !this.#joined;
    if (notOurs || code === 'unauthenticated' || code === 'forbidden' || code === 'unsupported_protocol') {
      this.#refused(error);
    } else this.emit('error', error);
  }

  #refused(error: Error): void {
    this.#loop.stop();
    this.#desk.stop('The pool refused this Library.');
    this.#end(error);
    this.emit('error', error);
  }

  #end(error: Error): void {
    this.#stopped = true;
    this.#connection.close();
    this.#joining?.reject(error);
    this.#show();
  }

  #show(phase: Phase | null = this.#phase): void {
    this.#phase = phase;
    const connected = this.#connection.connected ? 'idle' : 'connecting';
    const state = this.#stopped ? 'stopped' : (phase ?? connected);
    if (state === this.#state) return;
    this.#state = state;
    this.emit('state', state);
  }
}
