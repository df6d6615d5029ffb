import type { Metrics } from '../core/session.js';
import { sleep } from '../protocol/client/backoff.js';
import type { ApiClient } from '../protocol/client/request.js';
import type { EvaluatedModel, EvaluationRequest, EvaluationView } from '../protocol/evaluation.js';

const DEFAULT_TIMEOUT_MS = 600_000;
const FIRST_LOOK_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export interface EvaluateOptions {
  /** A test set of the Repo. @default 'default' */
  readonly testSetId?: string;
  /** Of TF.js. @default that of the session that trained the model, else 'categoricalCrossentropy' */
  readonly loss?: string;
  /** Of TF.js. @default those of that session, else accuracy */
  readonly metrics?: readonly string[];
  /** How long to wait for an evaluator, ms. It may still score it later. @default 600_000 */
  readonly timeoutMs?: number;
  /** Ends the waiting with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** There is no score: it failed, or nobody has finished it yet. `evaluation.state` tells which. */
export class EvaluationNotDoneError extends Error {
  readonly evaluation: EvaluationView;

  constructor(evaluation: EvaluationView, message: string) {
    super(message);
    this.name = 'EvaluationNotDoneError';
    this.evaluation = evaluation;
  }
}

/** Asks for a score and waits for it. @throws EvaluationNotDoneError, CloudNodeError, NoAnswerError */
export async function evaluate(
  api: ApiClient,
  path: string,
  { model, options }: { readonly model: EvaluatedModel; readonly options: EvaluateOptions },
): Promise<Metrics> {
  const { testSetId = 'default', loss, metrics, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const json: EvaluationRequest = {
    model,
    testSetId,
    ...(loss === undefined ? {} : { loss }),
    ...(metrics === undefined ? {} : { metrics: [...metrics] }),
  };
  const deadlineMs = Date.now() + timeoutMs;
  let seen = await api.json<EvaluationView>({ method: 'POST', path, json, signal });
  for (let pauseMs = FIRST_LOOK_MS; seen.state === 'waiting'; pauseMs *= 2) {
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0) {
      const what = `Evaluation ${seen.evaluationId} has waited ${timeoutMs / 1000} s for an evaluator`;
      throw new EvaluationNotDoneError(seen, `${what}. Does one run? Who asks again waits for the same one.`);
    }
    await sleep(Math.min(pauseMs, LONGEST_PAUSE_MS, leftMs), signal);
    seen = await api.json<EvaluationView>({ path: `${path}/${seen.evaluationId}`, signal });
  }
  if (seen.result === null) {
    const { modelId, reason } = seen;
    const message = `Model ${modelId} can not be scored on test set "${testSetId}": ${reason}`;
    throw new EvaluationNotDoneError(seen, message);
  }
  return seen.result;
}
