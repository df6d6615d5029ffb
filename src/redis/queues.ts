import { Queue, type JobsOptions } from 'bullmq';
import {
  EVALUATE_MODEL,
  QUEUE_VERSION,
  QUEUE_VERSION_MODELS,
  QUEUES,
  type AggregateJob,
  type CoordinateJob,
  type EvaluateJob,
  type EvaluateModelJob,
} from '../protocol/queue.js';
import type { RedisContext } from './context.js';
import { attemptSpan, type Phase, type TracedAttempt } from '../telemetry/round-trace.js';
import { formatTraceparent } from '../telemetry/tracing.js';
import type { SessionKey } from './pool-registry.js';

/**
 * Work for the worker processes. Jobs carry keys only and are hints: each worker derives what to do from stored state,
 * and losing one costs time until the next sweep. A job with the same id as a waiting one is dropped; while one is
 * active the latest is kept and runs after it, so nothing signalled is missed and nothing runs twice at once.
 */
/** For which attempt a job is asked for, and in what phase of it: it is seen there in traces. */
export interface AskedIn extends TracedAttempt {
  readonly phase: Phase;
}

export class WorkQueues {
  readonly #coordinate: Queue;
  readonly #aggregate: Queue;
  readonly #evaluate: Queue;

  readonly #traced: boolean;

  /** `traced`: jobs carry what they are a part of, in the field that BullMQ has for it. */
  constructor(context: RedisContext, { traced = false } = {}) {
    this.#traced = traced;
    const make = (name: string): Queue =>
      new Queue(name, {
        connection: context.redis,
        prefix: context.keys.queuePrefix(name),
        skipWaitingForReady: true,
      });
    this.#coordinate = make(QUEUES.coordinate);
    this.#aggregate = make(QUEUES.aggregate);
    this.#evaluate = make(QUEUES.evaluate);
    for (const queue of this.#all()) {
      queue.on('error', () => {
        // The connection itself logs and recovers; the sweep repeats what was not queued.
      });
    }
  }

  /** Somebody should look at this session. */
  async wake({ repoId, sessionId }: SessionKey, asked?: AskedIn): Promise<void> {
    const data: CoordinateJob = { v: QUEUE_VERSION, repoId, sessionId };
    await this.#coordinate.add('coordinate', data, this.#once(`${repoId}/${sessionId}`, asked));
  }

  /** The session has updates to fold or a version to finish, on `slots` slots: never more in flight than it rents. */
  async aggregate(asked: AskedIn, slots: number): Promise<void> {
    const { repoId, sessionId } = asked;
    const jobs = Array.from({ length: slots }, (_, slot) => {
      const data: AggregateJob = { v: QUEUE_VERSION, repoId, sessionId, slot, slots };
      return { name: 'aggregate', data, opts: this.#once(`${repoId}/${sessionId}/${slot}`, asked) };
    });
    await this.#aggregate.addBulk(jobs);
  }

  async evaluate({ repoId, sessionId }: SessionKey, version: number, asked?: AskedIn): Promise<void> {
    const data: EvaluateJob = { v: QUEUE_VERSION, repoId, sessionId, version };
    await this.#evaluate.add('evaluate', data, this.#once(`${repoId}/${sessionId}/${version}`, asked));
  }

  /**
   * Somebody asked for a score by hand: after those that sessions wait for, and after fewer of other Repos. No sweep
   * repeats it, so that BullMQ does.
   */
  async evaluateModel(
    { repoId, evaluationId }: { repoId: string; evaluationId: string },
    { openOfRepo }: { openOfRepo: number },
  ): Promise<void> {
    const data: EvaluateModelJob = { v: QUEUE_VERSION_MODELS, repoId, evaluationId };
    await this.#evaluate.add(EVALUATE_MODEL, data, {
      ...this.#once(`${repoId}/${evaluationId}`, undefined),
      attempts: 8,
      backoff: { type: 'exponential', delay: 500 },
      priority: 1 + openOfRepo,
    });
  }

  /** Jobs waiting or active, by queue. */
  async depths(): Promise<Record<string, number>> {
    const counts = await Promise.all(
      this.#all().map((queue) => queue.getJobCountByTypes('waiting', 'prioritized', 'active', 'delayed')),
    );
    return Object.fromEntries(this.#all().map((queue, i) => [queue.name, counts[i] ?? 0]));
  }

  async close(): Promise<void> {
    await Promise.all(this.#all().map((queue) => queue.close()));
  }

  #all(): Queue[] {
    return [this.#coordinate, this.#aggregate, this.#evaluate];
  }

  /** Leaves nothing behind when done; the sweep, not BullMQ, repeats what failed. */
  #once(id: string, asked: AskedIn | undefined): JobsOptions {
    const isTraced = this.#traced && asked !== undefined;
    return {
      ...(isTraced && { telemetry: { metadata: formatTraceparent(attemptSpan(asked, asked.phase)) } }),
      deduplication: { id, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: true,
      attempts: 1,
    };
  }
}
