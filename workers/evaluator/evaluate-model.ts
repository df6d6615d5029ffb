import type { Metrics } from '../../src/core/session.js';
import { CloudNodeError } from '../../src/protocol/errors.js';
import type { EvaluationRecord } from '../../src/protocol/evaluation.js';
import type { ParametersRef } from '../../src/protocol/model.js';
import type { EvaluateModelJob } from '../../src/protocol/queue.js';
import { redisNowMs } from '../../src/redis/context.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';
import { parametersOf } from '../aggregator/base-shard.js';
import { loadParameters } from './load-parameters.js';
import { loadTestSet } from './load-test-set.js';
import { scoreModel } from './score-model.js';

type Ended = { state: 'done'; result: Metrics } | { state: 'failed'; reason: string };

/**
 * Scores what a person asked for and stores the result once. What can not be scored has failed, with the reason; what
 * the pool itself is to blame for is thrown, and tried again.
 */
export async function evaluateModel(
  deps: PoolDeps,
  { repoId, evaluationId }: EvaluateModelJob,
): Promise<void> {
  const { evaluations, context } = deps.stores;
  const found = await evaluations.find(repoId, evaluationId);
  if (found === null || found.outcome !== null) return;
  const ended = await score(deps, repoId, found.record);
  const endedMs = await redisNowMs(context, repoId);
  await evaluations.finish(repoId, evaluationId, { ...ended, endedMs });
  deps.log.info({ repoId, evaluationId, ...ended }, 'model evaluated');
}

async function score(deps: PoolDeps, repoId: string, evaluation: EvaluationRecord): Promise<Ended> {
  const { models } = deps.stores;
  const [model, parameters, testSetRecord] = await Promise.all([
    models.find(repoId, evaluation.modelId),
    findParameters(deps, repoId, evaluation),
    models.findTestSet(repoId, evaluation.testSetId),
  ]);
  if (model === null || parameters?.sha256 !== evaluation.sha256) return failed('The model is gone.');
  if (testSetRecord?.sha256 !== evaluation.testSetSha256)
    return failed('The test set was replaced. Ask again to use the new one.');
  const [topology, weights, testSet] = await Promise.all([
    models.topology(repoId, model.topologySha256),
    loadParameters(deps, repoId, parameters),
    loadTestSet(deps, repoId, testSetRecord),
  ]);
  if (weights === null) return failed('The parameters are gone: this version is not kept any more.');
  if (testSet === null) return failed('The bytes of the test set are gone: upload it again.');
  return compute({ topology, weights, testSet, scoring: evaluation });
}

/** The same input gives the same error however often it is tried. */
async function compute(input: Parameters<typeof scoreModel>[0]): Promise<Ended> {
  try {
    return { state: 'done', result: await scoreModel(input) };
  } catch (error) {
    if (error instanceof CloudNodeError) throw error;
    return failed(`TensorFlow.js: ${(error as Error).message}`);
  }
}

async function findParameters(
  deps: PoolDeps,
  repoId: string,
  { modelId, version }: EvaluationRecord,
): Promise<ParametersRef | null> {
  if (version === null) return (await deps.stores.models.find(repoId, modelId))?.parameters ?? null;
  const session = (await deps.stores.sessions.find(repoId, version.sessionId))?.record;
  return session === undefined ? null : parametersOf(deps, session, version.version);
}

function failed(reason: string): Ended {
  return { state: 'failed', reason: reason.slice(0, 500) };
}
