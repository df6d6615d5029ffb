import { isFinal } from '../../src/core/session.js';
import type { EvaluateJob } from '../../src/protocol/queue.js';
import { publishHint } from '../../src/redis/hints.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';
import { parametersOf } from '../aggregator/base-shard.js';
import { loadParameters } from './load-parameters.js';
import { loadTestSet } from './load-test-set.js';
import { scoreModel } from './score-model.js';

/** Scores one version on the Repo's test set and stores the result once. Nothing to do is fine: it may run twice or late. */
export async function evaluateVersion(
  deps: PoolDeps,
  { repoId, sessionId, version }: EvaluateJob,
): Promise<void> {
  const { sessions, models } = deps.stores;
  const session = (await sessions.find(repoId, sessionId))?.record;
  if (session === undefined || isFinal(session.state)) return;
  const scores = await sessions.scores(repoId, sessionId);
  if (scores.some((score) => score.version === version)) return;
  const [record, parameters, testSetRecord] = await Promise.all([
    models.find(repoId, session.job.modelId),
    parametersOf(deps, session, version),
    models.testSetFor(repoId, session.job),
  ]);
  if (record === null || parameters === null || testSetRecord === null) return;
  const topology = await models.topology(repoId, record.topologySha256);
  const [weights, testSet] = await Promise.all([
    loadParameters(deps, repoId, parameters),
    loadTestSet(deps, repoId, testSetRecord),
  ]);
  if (weights === null || testSet === null) {
    deps.log.warn({ repoId, sessionId, version }, 'bytes to score are gone');
    return;
  }
  const metrics = await scoreModel({
    topology,
    weights,
    testSet,
    scoring: session.job.hyperparams,
  });
  await sessions.addScore(repoId, sessionId, { version, metrics });
  deps.log.info({ repoId, sessionId, version, metrics }, 'version scored');
  await publishHint(deps.stores.context, { kind: 'session', repoId, sessionId });
  await deps.queues.wake({ repoId, sessionId });
}
