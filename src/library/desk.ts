import type { Assignment, LibraryStatus } from '../protocol/library.js';
import { learnedFrom, sameKey, Task, type TaskContext, type TaskEnd } from './task.js';
import type { TrainResult } from './trainer.js';

export interface DeskOptions {
  readonly context: Omit<TaskContext, 'last'>;
  readonly onEnd: (assignment: Assignment, end: TaskEnd) => void;
}

/** How long an update that is done with is kept for another attempt of its round. */
const KEEP_MS = 300_000;

/**
 * Makes what is worked on here match what the pool says. It is told the same thing many times, and late; only what
 * changed has an effect. One task trains at a time.
 */
export class Desk {
  readonly #options: DeskOptions;
  #task: Task | null = null;
  #last: { result: TrainResult; from: string; atMs: number } | null = null;
  #idle: Promise<void> = Promise.resolve();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** Resolves when nothing trains or sends any more. */
  get idle(): Promise<void> {
    return this.#idle;
  }

  /** The assignment under way, if any. */
  get current(): Assignment | null {
    return this.#task === null || this.#task.phase === 'over' ? null : this.#task.assignment;
  }

  act({ assignment }: LibraryStatus): void {
    if (this.#last !== null && Date.now() - this.#last.atMs > KEEP_MS) this.#last = null;
    if (this.#task !== null && (assignment === null || !sameKey(assignment, this.#task.assignment))) {
      this.stop('The pool has moved on.');
    }
    if (assignment === null) return;
    if (this.#task === null) {
      // A received one is from before this process started.
      if (assignment.state !== 'received') this.#start(assignment);
    } else if (assignment.state === 'received') {
      // The acknowledgement may have been lost on the way; this is as good.
      if (this.#task.phase === 'sending') this.#task.received();
    } else if (this.#task.phase === 'over') {
      // Lost while this Library was away, and offered again now that it is back.
      if (assignment.state === 'offered' && !this.#task.isReceived) this.#start(assignment);
      else void this.#task.resend();
    }
  }

  /** Stops what is under way, if anything. */
  stop(reason: string): void {
    this.#task?.stop(reason);
    this.#task = null;
  }

  #start(assignment: Assignment): void {
    const last = this.#last;
    const task = new Task(assignment, { ...this.#options.context, last });
    this.#task = task;
    this.#idle = this.#idle.then(async () => {
      if (this.#task !== task) return;
      const end = await task.run();
      if (end.result !== null) {
        this.#last = { result: end.result, from: learnedFrom(assignment), atMs: Date.now() };
      }
      this.#options.onEnd(assignment, end);
    });
  }
}
