import type { SessionRecord } from '../../src/core/session.js';
import { resultModelId } from '../../src/core/result-model.js';
import { versionParameters } from '../../src/protocol/version-parameters.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** The last version becomes a model of the Repo, with the topology of the one it grew from. Idempotent. */
export async function registerResult(deps: PoolDeps, session: SessionRecord): Promise<void> {
  const { repoId, sessionId, version, job } = session;
  if (version === 0) return;
  const { models, sessions } = deps.stores;
  const modelId = resultModelId(sessionId);
  if ((await models.find(repoId, modelId)) !== null) return;
  const [origin, entry] = await Promise.all([
    models.find(repoId, job.modelId),
    sessions.findVersion(repoId, sessionId, version),
  ]);
  if (origin === null || entry === null) {
    deps.log.error({ repoId, sessionId, version }, 'result cannot be registered');
    return;
  }
  await models.add(repoId, {
    ...origin,
    modelId,
    name: job.name,
    parameters: versionParameters(session, entry),
    createdMs: session.endedMs ?? entry.createdMs,
    trainedBy: { sessionId, version },
  });
}
