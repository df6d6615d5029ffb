import type { AssignmentKey } from '../../protocol/library.js';
import type { LibraryState, RoundReport } from '../options.js';
import type { ProgressReport } from '../progress.js';
import type { BackendChoice } from './backend.js';
import type { Go } from './policy.js';

/** What the worker needs to be a Library; data and identity are in the database. */
export interface HostOptions {
  readonly url: string | readonly string[];
  readonly apiKey: string;
  readonly poolKey: string | readonly string[] | null;
  readonly libraryId: string;
  readonly database: string;
  /** Only for the script-tag worker: the scripts of TensorFlow.js, core first. */
  readonly tfScripts: readonly string[];
  /** Where the `.wasm` files of its WebAssembly backend are. */
  readonly wasmPath: string | null;
  /** Backends that are not to be tried. */
  readonly without: readonly string[];
}

/** `waiting`: another tab trains. `paused`: the policy says not now. */
export type BrowserState =
  'off' | 'starting' | 'waiting' | 'paused' | Exclude<LibraryState, 'new' | 'stopped'>;

export interface BrowserRound extends RoundReport {
  /** Tensors that are kept between rounds: the model and the data. It stays the same. */
  readonly numTensors: number;
}

export type ToWorker =
  | { readonly type: 'start'; readonly options: HostOptions; readonly go: Go }
  | { readonly type: 'go'; readonly go: Go }
  | { readonly type: 'data' }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'state'; readonly state: BrowserState }
  | { readonly type: 'backend'; readonly backend: BackendChoice }
  | { readonly type: 'round'; readonly round: BrowserRound }
  | { readonly type: 'progress'; readonly progress: AssignmentKey & ProgressReport }
  | { readonly type: 'error'; readonly error: SentError }
  | { readonly type: 'stopped' };

/** An error on its way between threads, which keep only part of one. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  /** From the error table, when the pool said it. */
  readonly code: string | null;
  /** The pool will not have this Library: nothing goes on by itself. */
  readonly final: boolean;
}
