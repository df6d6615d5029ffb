import * as z from 'zod';
import * as ids from './ids.js';

/** Version of the payloads. */
export const QUEUE_VERSION = 1;
/** Of payloads that came later; a worker that meets a newer version than it knows leaves it for others. */
export const QUEUE_VERSION_MODELS = 2;
export const NEWEST_QUEUE_VERSION = QUEUE_VERSION_MODELS;

/** BullMQ queue names are fixed; the prefix in Redis is a hash tag per queue. */
export const QUEUES = { coordinate: 'coordinate', aggregate: 'aggregate', evaluate: 'evaluate' } as const;

const base = { v: z.literal(QUEUE_VERSION), repoId: ids.repoId, sessionId: ids.sessionId };

/** "Look at this session": everything else is read from Redis. */
export const coordinateJob = z.strictObject(base);
export type CoordinateJob = z.infer<typeof coordinateJob>;

/** "Slot `slot` of `slots` has work": it folds the shards k with k mod slots = slot. */
export const aggregateJob = z.strictObject({ ...base, slot: z.int().min(0), slots: z.int().min(1) });
export type AggregateJob = z.infer<typeof aggregateJob>;

/** "Score this version on the Repo's test set." */
export const evaluateJob = z.strictObject({ ...base, version: z.int().min(0) });
export type EvaluateJob = z.infer<typeof evaluateJob>;

/** Name of the jobs of the queue `evaluate` that are of this kind. */
export const EVALUATE_MODEL = 'evaluate-model';
/** "Score what this evaluation names." */
export const evaluateModelJob = z.strictObject({
  v: z.literal(QUEUE_VERSION_MODELS),
  repoId: ids.repoId,
  evaluationId: ids.evaluationId,
});
export type EvaluateModelJob = z.infer<typeof evaluateModelJob>;
