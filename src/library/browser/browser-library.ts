import type { ArrayData } from '../dataset.js';
import { Emitter } from '../emitter.js';
import type { AssignmentKey } from '../../protocol/library.js';
import type { ProgressReport } from '../progress.js';
import type { BackendChoice } from './backend.js';
import { watchConditions } from './conditions.js';
import { Database } from './database.js';
import { DataStore, type StoredDataset } from './data-store.js';
import type { BrowserRound, BrowserState, FromWorker, HostOptions, SentError, ToWorker } from './messages.js';
import { DEFAULT_POLICY, judge, type Policy, type Verdict } from './policy.js';

export interface BrowserLibraryOptions {
  /** One gateway or several of one pool. */
  readonly url: string | readonly string[];
  /** Of the Repo: `cloud-node key create`. Whoever sees the page sees it: give browsers a key of their own. */
  readonly apiKey: string;
  /**
   * The pool's public key, or several: `cloud-node pool-key show`. A gateway that does not prove itself is told nothing,
   * and the error's `code` begins with `pool_`. @default none: whoever answers is taken for the pool
   */
  readonly poolKey?: string | readonly string[];
  /** Makes the worker, e.g. `() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })`. */
  readonly worker: () => Worker;
  /** @default one that is made up once and kept in this browser */
  readonly libraryId?: string;
  /** Name of the database: one for each pool that this origin has to do with. @default 'cloud-node' */
  readonly database?: string;
  /** When it may train. @default {@link DEFAULT_POLICY} */
  readonly policy?: Partial<Policy>;
  /** Only for the script-tag worker: URLs of the scripts of TensorFlow.js, core and layers first. */
  readonly tfScripts?: readonly string[];
  /** Only for the script-tag worker: where the `.wasm` files are, with a slash at the end. */
  readonly wasmPath?: string;
  /** Backends not to be tried, e.g. `['webgl']`. */
  readonly without?: readonly string[];
}

export interface BrowserLibraryEvents {
  state: BrowserState;
  /** What the policy says now, when it says something else. */
  policy: Verdict;
  backend: BackendChoice;
  round: BrowserRound;
  progress: AssignmentKey & ProgressReport;
  error: Error & { readonly code?: string | null };
}

/** When the owner of the device agreed (Unix time, ms), and what they were told that it was about. */
export interface Consent {
  readonly atMs: number;
  readonly purpose: string;
}

/**
 * A Library in a web page: keeps the data in the browser's database, trains in a worker, one tab at a time, and only as
 * long as the owner of the device agrees and the policy allows. Needs a secure context (HTTPS or localhost).
 *
 * ```ts
 * const library = new BrowserLibrary({ url, apiKey, worker });
 * await library.addData('mnist', { inputs, inputShape: [28, 28, 1], labels, labelShape: [10] });
 * library.on('round', ({ sent }) => console.log(sent));
 * await library.resume();                                   // goes on where this browser was switched on
 * button.onclick = () => library.start('Learns to read digits.');
 * ```
 */
export class BrowserLibrary extends Emitter<BrowserLibraryEvents> {
  readonly #options: BrowserLibraryOptions;
  readonly #database: Database;
  readonly #store: DataStore;
  #policy: Policy;
  #verdict: Verdict = { go: 'stop', because: [] };
  #state: BrowserState = 'off';
  #worker: Worker | null = null;
  #unwatch: (() => void) | null = null;
  #stopped: (() => void) | null = null;

  /** @throws Error outside of a secure context */
  constructor(options: BrowserLibraryOptions) {
    super();
    if (!isSecureContext) throw new Error('A Library needs a secure context: HTTPS, or localhost.');
    this.#options = options;
    this.#policy = { ...DEFAULT_POLICY, ...options.policy };
    this.#database = new Database(options.database ?? 'cloud-node');
    this.#store = new DataStore(this.#database);
  }

  get state(): BrowserState {
    return this.#state;
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Changes some of the policy, from now on. */
  setPolicy(changes: Partial<Policy>): void {
    this.#policy = { ...this.#policy, ...changes };
    if (this.#unwatch !== null) this.#watch();
  }

  /**
   * Adds or replaces a data set. It is kept in this browser, over reloads, and never sent.
   * @throws TypeError when inputs and labels do not fit
   * @throws DOMException `QuotaExceededError` when the browser has no room for it: what was kept before is still there
   */
  async addData(datasetId: string, data: ArrayData): Promise<StoredDataset> {
    const stored = await this.#store.put(datasetId, data);
    this.#tell({ type: 'data' });
    return stored;
  }

  /** What is kept here. */
  datasets(): Promise<StoredDataset[]> {
    return this.#store.list();
  }

  /** Takes a data set out of the browser; training stops until the next `start`. */
  async removeData(datasetId: string): Promise<void> {
    await this.stop();
    await this.#store.remove(datasetId);
  }

  /** The same for ever, in this browser. */
  async libraryId(): Promise<string> {
    if (this.#options.libraryId !== undefined) return this.#options.libraryId;
    // Two tabs that begin at once must come to the same one.
    return navigator.locks.request(
      `cloud-node ${this.#options.database ?? 'cloud-node'} identity`,
      async () => {
        const known = await this.#database.get('settings', 'libraryId');
        if (typeof known === 'string') return known;
        const made = `browser-${crypto.randomUUID()}`;
        await this.#database.put('settings', 'libraryId', made);
        return made;
      },
    );
  }

  /** What was agreed to, if anything was. */
  async consent(): Promise<Consent | null> {
    return ((await this.#database.get('settings', 'consent')) as Consent | undefined) ?? null;
  }

  /**
   * The owner of the device agrees: call it when they said so, not before. It is remembered, and so is that training is
   * switched on.
   * @param purpose what they were told, in a sentence
   * @throws TypeError when there is no data yet
   */
  async start(purpose: string): Promise<void> {
    if ((await this.datasets()).length === 0) throw new TypeError('There is no data: call addData() first.');
    await this.#database.put('settings', 'consent', { atMs: Date.now(), purpose } satisfies Consent);
    await this.#database.put('settings', 'on', true);
    await this.#run();
  }

  /** Goes on if it was switched on in this browser and not off again, e.g. before a reload. @returns whether it does */
  async resume(): Promise<boolean> {
    const isOn = (await this.#database.get('settings', 'on')) === true && (await this.consent()) !== null;
    if (isOn && (await this.datasets()).length > 0) await this.#run();
    return isOn;
  }

  /** The off switch: gives the round back and stays off until the next `start`, over reloads too. */
  async stop(): Promise<void> {
    try {
      // Deleted, because that needs no room on a disk that is full.
      await this.#database.delete('settings', 'on');
    } finally {
      await this.close();
    }
  }

  /** Forgets the consent, the identity and all data. */
  async withdraw(): Promise<void> {
    await this.stop();
    for (const { datasetId } of await this.datasets()) await this.#store.remove(datasetId);
    for (const setting of ['consent', 'libraryId', 'on']) await this.#database.delete('settings', setting);
  }

  /** Ends this tab's part, as closing the tab does. */
  async close(): Promise<void> {
    this.#unwatch?.();
    this.#unwatch = null;
    const worker = this.#worker;
    if (worker === null) return;
    this.#worker = null;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      worker.postMessage({ type: 'stop' } satisfies ToWorker);
    });
    worker.terminate();
    this.#show('off');
  }

  async #run(): Promise<void> {
    const libraryId = await this.libraryId();
    if (this.#worker !== null) return;
    const { url, apiKey, poolKey = null, database = 'cloud-node', tfScripts = [] } = this.#options;
    const { wasmPath, without = [] } = this.#options;
    const absolute = (path: string): string => new URL(path, location.href).href;
    const options: HostOptions = {
      url: typeof url === 'string' ? absolute(url) : url.map(absolute),
      apiKey,
      poolKey,
      libraryId,
      database,
      tfScripts: tfScripts.map(absolute),
      wasmPath: wasmPath === undefined ? null : absolute(wasmPath),
      without,
    };
    const worker = this.#options.worker();
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    worker.onerror = ({ message }) => {
      this.emit('error', new Error(message === '' ? 'The worker could not be loaded.' : message));
      this.#stopped?.();
    };
    this.#watch();
    this.#tell({ type: 'start', options, go: this.#verdict.go });
  }

  #watch(): void {
    this.#unwatch?.();
    this.#unwatch = watchConditions((conditions) => {
      const verdict = judge(this.#policy, conditions);
      if (JSON.stringify(verdict) === JSON.stringify(this.#verdict)) return;
      this.#verdict = verdict;
      this.emit('policy', verdict);
      this.#tell({ type: 'go', go: verdict.go });
    });
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'state':
        return this.#show(message.state);
      case 'backend':
        return this.emit('backend', message.backend);
      case 'round':
        return this.emit('round', message.round);
      case 'progress':
        return this.emit('progress', message.progress);
      case 'error':
        return this.#failed(message.error);
      case 'stopped':
        this.#stopped?.();
    }
  }

  #failed({ name, message, code, final }: SentError): void {
    this.emit('error', Object.assign(new Error(message), { name, code }));
    if (final) void this.close();
  }

  #tell(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #show(state: BrowserState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit('state', state);
  }
}
