import * as z from 'zod';
import type { Metrics } from '../core/session.js';
import * as ids from './ids.js';

const sha256 = z.string().length(64);
const ms = z.int().min(0);
const word = z.string().min(1).max(64);

/** Used where neither the request nor a training session says anything. */
export const DEFAULT_SCORING = { loss: 'categoricalCrossentropy', metrics: ['accuracy'] } as const;

/** Something with parameters: a model of the Repo, the one that a name points at, or a version of a session. */
export const evaluatedModel = z.union([
  z.strictObject({ modelId: ids.modelId }),
  z.strictObject({ alias: ids.alias }),
  z.strictObject({ sessionId: ids.sessionId, version: z.int().min(0).max(1_000_000) }),
]);
export type EvaluatedModel = z.infer<typeof evaluatedModel>;

/** Body of `POST …/evaluations`. */
export const evaluationRequest = z.strictObject({
  model: evaluatedModel,
  testSetId: ids.testSetId,
  /** Missing: that of the session that trained the model, else {@link DEFAULT_SCORING}. */
  loss: word.optional(),
  metrics: z.array(word).max(16).optional(),
});
export type EvaluationRequest = z.infer<typeof evaluationRequest>;

/** What is to be scored on what. Content-addressed by all that the result follows from. */
export const evaluationRecord = z.strictObject({
  v: z.literal(1),
  evaluationId: ids.evaluationId,
  /** Whose topology and, without a session, whose parameters. */
  modelId: ids.modelId,
  /** The version of a session, when it is one. */
  version: z.strictObject({ sessionId: ids.sessionId, version: z.int().min(0) }).nullable(),
  /** The name that was asked for, when it was one. */
  alias: ids.alias.nullable(),
  /** Of the parameters. */
  sha256,
  testSetId: ids.testSetId,
  testSetSha256: sha256,
  loss: z.string(),
  metrics: z.array(z.string()),
  createdMs: ms,
  /** Not done by then: it failed. */
  deadlineMs: ms,
  /** `sub` of the token that asked for it. */
  askedBy: z.string(),
});
export type EvaluationRecord = z.infer<typeof evaluationRecord>;

/** What came of it; written once. */
export const evaluationOutcome = z.union([
  z.strictObject({ state: z.literal('done'), result: ids.metrics, endedMs: ms }),
  z.strictObject({ state: z.literal('failed'), reason: z.string().max(500), endedMs: ms }),
]);
export type EvaluationOutcome = z.infer<typeof evaluationOutcome>;

export const EVALUATION_STATES = ['waiting', 'done', 'failed'] as const;

/** An evaluation as people see it. */
export interface EvaluationView extends Omit<EvaluationRecord, 'v'> {
  readonly state: (typeof EVALUATION_STATES)[number];
  /** Loss and metrics, once it is done. */
  readonly result: Metrics | null;
  /** Why it failed. */
  readonly reason: string | null;
  readonly endedMs: number | null;
}
