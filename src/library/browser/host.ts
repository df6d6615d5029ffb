import { CloudNodeError } from '../../protocol/errors.js';
import type { ArrayData } from '../dataset.js';
import { Library } from '../library.js';
import type { Trainer } from '../trainer.js';
import type { BackendLoaders } from './backend.js';
import { Database } from './database.js';
import { DataStore } from './data-store.js';
import type { BrowserState, FromWorker, HostOptions, SentError, ToWorker } from './messages.js';
import type { Go } from './policy.js';

export interface HostDeps {
  readonly send: (message: FromWorker) => void;
  readonly backends: (options: HostOptions) => BackendLoaders;
  /** Before TensorFlow.js is used for the first time. */
  readonly prepare?: (options: HostOptions) => void;
}

/**
 * The Library of one tab, in its worker. It is one participant however many tabs there are: whoever holds the lock of
 * its `libraryId` trains, the others wait for it. The browser lets go of the lock of a tab that is closed or crashes.
 */
export class LibraryHost {
  readonly #deps: HostDeps;
  #options: HostOptions | null = null;
  #go: Go = 'stop';
  #library: Library | null = null;
  #trainer: Promise<Trainer> | null = null;
  /** What was decided last is done when that before it is. */
  #work: Promise<void> = Promise.resolve();
  /** Between waiting for its turn and having left. */
  #leading = false;
  #waiting: AbortController | null = null;
  #state: BrowserState = 'off';

  constructor(deps: HostDeps) {
    this.#deps = deps;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'start':
        this.#options = message.options;
        this.#decide(message.go);
        return;
      case 'go':
        this.#decide(message.go);
        return;
      case 'data':
        if (this.#library !== null) this.#then(() => this.#addData());
        return;
      case 'stop':
        this.#options = null;
        this.#decide('stop');
        this.#then(async () => this.#deps.send({ type: 'stopped' }));
    }
  }

  #decide(go: Go): void {
    this.#go = go;
    if (go !== 'train') this.#waiting?.abort();
    this.#then(() => this.#settle());
  }

  /** Makes what is there match what was decided. */
  async #settle(): Promise<void> {
    const options = this.#options;
    if (options === null || this.#go !== 'train') {
      const library = this.#library;
      // A round under way is ended first; then `#ended` settles again.
      if (this.#go === 'finish' && library !== null && isBusy(library)) return;
      this.#library = null;
      await library?.leave();
      this.#show(options === null ? 'off' : 'paused');
    } else if (!this.#leading) {
      void this.#lead(options);
    }
  }

  /** Waits for its turn, and holds it until the Library has left. */
  async #lead(options: HostOptions): Promise<void> {
    const waiting = new AbortController();
    this.#leading = true;
    this.#waiting = waiting;
    this.#show('waiting');
    const name = `cloud-node ${options.database} ${options.libraryId}`;
    try {
      await navigator.locks.request(name, { signal: waiting.signal }, async () => {
        this.#waiting = null;
        if (this.#options !== options || this.#go !== 'train') return;
        await this.#take(options);
      });
    } catch (error) {
      if (!waiting.signal.aborted) this.#complain(error, true);
    } finally {
      this.#waiting = null;
      this.#leading = false;
      this.#then(() => this.#settle());
    }
  }

  /** From joining to having left. */
  async #take(options: HostOptions): Promise<void> {
    this.#show('starting');
    this.#trainer ??= this.#makeTrainer(options);
    const trainer = await this.#trainer.catch((error: unknown) => {
      this.#trainer = null;
      throw error;
    });
    // Probing backends took a while.
    if (this.#options !== options || this.#go !== 'train') return;
    const { url, apiKey, libraryId, poolKey } = options;
    const pinned = poolKey === null ? {} : { poolKey };
    const library = new Library({ url, apiKey, libraryId, trainer, ...pinned });
    const left = new Promise<void>((resolve) => {
      library.on('state', (state) => {
        if (state === 'stopped') resolve();
        else if (state !== 'new' && this.#library === library) this.#show(state);
      });
    });
    library.on('error', (error) => {
      this.#complain(error, library.state === 'stopped');
      // Refused: the same again would be refused again.
      if (library.state === 'stopped' && this.#library === library) this.#options = null;
    });
    library.on('progress', (progress) => this.#deps.send({ type: 'progress', progress }));
    library.on('round', (round) => {
      void this.#numTensors().then((numTensors) =>
        this.#deps.send({ type: 'round', round: { ...round, numTensors } }),
      );
      if (this.#go === 'finish') this.#then(() => this.#settle());
    });
    this.#library = library;
    await this.#addData();
    if (this.#library === library) library.join().catch(() => {});
    await left;
    // Not only disconnected: nothing may train any more when another tab begins.
    await library.leave();
    if (this.#library === library) this.#library = null;
  }

  /** Everything in the database, read again. */
  async #addData(): Promise<void> {
    const [library, options] = [this.#library, this.#options];
    if (library === null || options === null) return;
    const database = new Database(options.database);
    try {
      const store = new DataStore(database);
      for (const { datasetId } of await store.list()) {
        const data: ArrayData | null = await store.get(datasetId);
        if (data !== null) library.addData(datasetId, data);
      }
    } finally {
      await database.close();
    }
  }

  async #makeTrainer(options: HostOptions): Promise<Trainer> {
    this.#deps.prepare?.(options);
    const [{ chooseBackend }, { TfjsTrainer }] = await Promise.all([
      import('./backend.js'),
      import('../tfjs-trainer.js'),
    ]);
    const loaders = Object.entries(this.#deps.backends(options));
    const wanted = loaders.filter(([name]) => !options.without.includes(name));
    this.#deps.send({ type: 'backend', backend: await chooseBackend(Object.fromEntries(wanted)) });
    return new TfjsTrainer();
  }

  async #numTensors(): Promise<number> {
    const { memory } = await import('@tensorflow/tfjs-core');
    return memory().numTensors;
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#complain(error, false));
  }

  #show(state: BrowserState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#deps.send({ type: 'state', state });
  }

  #complain(reason: unknown, final: boolean): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const code = error instanceof CloudNodeError ? error.code : null;
    const sent: SentError = { name: error.name, message: error.message, code, final };
    if (final) this.#options = null;
    this.#deps.send({ type: 'error', error: sent });
  }
}

function isBusy({ state }: Library): boolean {
  return state === 'training' || state === 'sending';
}
