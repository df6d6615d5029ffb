import type { Backoff } from '../protocol/client/backoff.js';
import type { AssignmentKey } from '../protocol/library.js';
import type { ProgressReport } from './progress.js';
import type { Phase, TaskEnd } from './task.js';
import type { Metrics, Trainer } from './trainer.js';

export interface LibraryOptions {
  /** One gateway or several of one pool; any of them will do, and the Library moves on when one is gone. */
  readonly url: string | readonly string[];
  /** Of the Repo: `cloud-node key create`. */
  readonly apiKey: string;
  /** Identifies this participant for good: the same after a restart. */
  readonly libraryId: string;
  /**
   * The pool's public key, or several: `cloud-node pool-key show`. With it the Library tells a gateway nothing before the
   * gateway has proved itself, acts only on what the pool has signed, and refuses everything else with an error whose code
   * begins with `pool_`. @default none: whoever answers is taken for the pool
   */
  readonly poolKey?: string | readonly string[];
  /** Makes the backend of TensorFlow.js ready, e.g. `useBestNodeBackend`; awaited before the first training. */
  readonly tf?: Promise<unknown> | (() => unknown);
  /** Called like a listener of `state`. */
  readonly onState?: (state: LibraryState) => void;
  /** @default a {@link TfjsTrainer}, loaded when it is first needed */
  readonly trainer?: Trainer;
  /** How connections are made where the platform's way does not do: in Node, with a client certificate. */
  readonly transport?: Transport;
  /** Waits between tries. @default 500 ms, doubling up to 20 s, jittered */
  readonly backoff?: Partial<Backoff>;
  /** How long a gateway may take to answer a word. @default 15_000 */
  readonly ackTimeoutMs?: number;
}

export interface Transport {
  /** In place of the platform's, e.g. undici's with a dispatcher. */
  readonly fetch?: typeof fetch;
  /** Options of Socket.IO's client, e.g. `{ ca, cert, key }` in Node. */
  readonly socket?: Readonly<Record<string, unknown>>;
}

/** `connecting` covers everything without a connection, except that work goes on and is shown as such. */
export type LibraryState = 'new' | 'connecting' | 'idle' | Phase | 'stopped';

/** How an assignment ended. */
export interface RoundReport extends AssignmentKey {
  readonly outcome: TaskEnd['outcome'];
  /** The pool had counted this update before: an acknowledgement was lost. */
  readonly duplicate: boolean;
  /** Of local training; null when it did not finish. */
  readonly metrics: Metrics | null;
  /** Of the global model on local data; null when it was not asked for. */
  readonly evaluation: Metrics | null;
}

export interface LibraryEvents {
  state: LibraryState;
  round: RoundReport;
  progress: AssignmentKey & ProgressReport;
  error: Error;
}
