import { CloudNodeError, type ErrorCode } from '../protocol/errors.js';
import { encodeFrame } from '../protocol/frame.js';
import type { Assignment, AssignmentKey, UpdateHeader } from '../protocol/library.js';
import type { LocalData } from './dataset.js';
import { checkDelta, clip, l2Norm } from './delta.js';
import { encodeUpdate } from './encode-update.js';
import type { Pool } from './pool.js';
import { Progress, type ProgressReport } from './progress.js';
import type { Trainer, TrainResult } from './trainer.js';

/** What a task needs; the same for all of them. */
export interface TaskContext {
  readonly pool: Pool;
  readonly trainer: () => Promise<Trainer>;
  readonly find: (datasetId: string | null) => LocalData | null;
  readonly onPhase: (phase: Phase, task: Task) => void;
  readonly onProgress: (progress: AssignmentKey & ProgressReport) => void;
  /** What was learned last: it serves again when the round is tried again from the same version. */
  readonly last: { result: TrainResult; from: string } | null;
}

export type Phase = 'training' | 'sending';
/** How it ended: counted; given back; refused or broken; no longer wanted. */
export type Outcome = 'counted' | 'declined' | 'failed' | 'superseded';

/** What can be said about an update without saying it. */
export interface SentUpdate {
  /** Of the frame; it is sent again, whole, when a try fails. */
  readonly bytes: number;
  readonly numExamples: number;
  /** L2 norm of the delta, after clipping. */
  readonly norm: number;
}

export interface TaskEnd {
  readonly outcome: Outcome;
  readonly error: Error | null;
  readonly result: TrainResult | null;
  readonly duplicate: boolean;
  readonly sent: SentUpdate | null;
}

/** The pool has moved on: nothing went wrong here. */
const OVER: readonly ErrorCode[] = [
  'round_closed',
  'assignment_over',
  'session_ended',
  'session_not_found',
  'not_assigned',
];
/** The pool may know better than our clock when a round ends; after this nobody can have told us otherwise. */
const GRACE_MS = 5_000;

/** One assignment, from acceptance to acknowledgement. */
export class Task {
  readonly assignment: Assignment;
  readonly #context: TaskContext;
  readonly #controller = new AbortController();
  #frame: Uint8Array | null = null;
  #received = false;
  #sent: SentUpdate | null = null;
  phase: Phase | 'over' = 'training';

  constructor(assignment: Assignment, context: TaskContext) {
    this.assignment = assignment;
    this.#context = context;
  }

  /** No longer wanted: training and sending stop soon. */
  stop(reason: string): void {
    this.#controller.abort(new Error(reason));
  }

  /** Whether the pool has had the update, as far as is known here. */
  get isReceived(): boolean {
    return this.#received;
  }

  /** The pool has the update, even if its acknowledgement never got here. */
  received(): void {
    this.#received = true;
    this.stop('The update was received.');
  }

  /** Never rejects. */
  async run(): Promise<TaskEnd> {
    const overMs = Math.min(this.assignment.remainingMs + GRACE_MS, 2 ** 31 - 1);
    const timer = setTimeout(() => this.stop('The time of the round is over.'), overMs);
    let result: TrainResult | null = null;
    try {
      this.#context.onPhase('training', this);
      const data = this.#context.find(this.assignment.datasetId);
      if (data === null) return await this.#decline();
      result = await this.#train(data);
      this.phase = 'sending';
      this.#context.onPhase('sending', this);
      const { duplicate } = await this.#send(result);
      this.#received = true;
      return { outcome: 'counted', error: null, result, duplicate, sent: this.#sent };
    } catch (error) {
      const end = await this.#failed(error);
      // What else was under way, such as the other download, is of no use any more.
      this.stop('The assignment is over.');
      return { ...end, result, duplicate: false, sent: this.#sent };
    } finally {
      this.phase = 'over';
      clearTimeout(timer);
    }
  }

  /** Sends the very same update again: the pool says that it does not have it, though it acknowledged it. */
  async resend(): Promise<void> {
    if (this.#frame !== null && this.#received) {
      const signal = AbortSignal.timeout(this.assignment.remainingMs);
      await this.#context.pool.putUpdate(this.#frame, signal).catch(() => {});
    }
  }

  async #train(data: LocalData): Promise<TrainResult> {
    const a = this.assignment;
    const context = this.#context;
    const { signal } = this.#controller;
    const accepted = a.state === 'offered' ? context.pool.tell('accept', keyOf(a), signal) : null;
    const from = learnedFrom(a);
    if (context.last?.from === from) {
      await accepted;
      return context.last.result;
    }
    const [{ topology, global }, trainer] = await Promise.all([
      context.pool.model(a, signal),
      context.trainer(),
      accepted,
    ]);
    const progress = new Progress((now) => {
      context.pool.showProgress({ ...keyOf(a), ...now });
      context.onProgress({ ...keyOf(a), ...now });
    });
    const { topologySha256, hyperparams, evaluate } = a;
    const onProgress = progress.report.bind(progress);
    const request = { topology, topologySha256, global, hyperparams, evaluate, data, signal, onProgress };
    const result = await trainer.train(request);
    signal.throwIfAborted();
    if (a.clipNorm !== null) clip(result.delta, a.clipNorm);
    checkDelta(result.delta, { paramCount: a.parameters.paramCount, maxMagnitude: a.maxMagnitude });
    return result;
  }

  #send(result: TrainResult): Promise<{ duplicate: boolean }> {
    const { delta, numExamples, metrics, evaluation } = result;
    const key = keyOf(this.assignment);
    const { encoding, maxMagnitude, clipNorm, parameters } = this.assignment;
    const { shardParams } = parameters;
    const header: UpdateHeader = {
      ...key,
      updateId: newUpdateId(),
      numExamples,
      encoding,
      metrics,
      evaluation,
    };
    const payload = encodeUpdate(delta, { encoding, shardParams, maxMagnitude, clipNorm });
    this.#frame = encodeFrame(header, payload);
    this.#sent = { bytes: this.#frame.length, numExamples, norm: l2Norm(delta) };
    return this.#context.pool.putUpdate(this.#frame, this.#controller.signal);
  }

  async #decline(): Promise<TaskEnd> {
    const reason = `There is no data set "${this.assignment.datasetId}" here.`;
    await this.#context.pool.tell('decline', { ...keyOf(this.assignment), reason }, this.#controller.signal);
    return { outcome: 'declined', error: null, result: null, duplicate: false, sent: null };
  }

  async #failed(reason: unknown): Promise<Pick<TaskEnd, 'outcome' | 'error'>> {
    if (this.#controller.signal.aborted) {
      return { outcome: this.#received ? 'counted' : 'superseded', error: null };
    }
    const error = reason instanceof Error ? reason : new Error(String(reason));
    if (error instanceof CloudNodeError) {
      if (OVER.includes(error.code)) return { outcome: 'superseded', error: null };
      if (error.code === 'update_already_received') return { outcome: 'counted', error: null };
    }
    // So that somebody else is asked; if nobody hears it, the deadline does the same.
    const input = { ...keyOf(this.assignment), reason: error.message.slice(0, 500) };
    await this.#context.pool.tell('fail', input, this.#controller.signal).catch(() => {});
    return { outcome: 'failed', error };
  }
}

export function keyOf({ sessionId, round, attempt }: AssignmentKey): AssignmentKey {
  return { sessionId, round, attempt };
}

export function sameKey(a: AssignmentKey, b: AssignmentKey): boolean {
  return a.sessionId === b.sessionId && a.round === b.round && a.attempt === b.attempt;
}

/** The same for attempts of one round that start from the same version. */
export function learnedFrom(a: Assignment): string {
  return `${a.sessionId} ${a.round} ${a.parameters.sha256} ${a.datasetId} ${a.evaluate}`;
}

function newUpdateId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `u${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
