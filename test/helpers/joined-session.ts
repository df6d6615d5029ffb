import { denseModel } from '../../bench/lib/dense-model.js';
import type { Explora, ExploraSession } from '../../src/explora/index.js';
import type { TestPool } from './pool.js';

export interface JoinedSession {
  readonly repoId: string;
  readonly explora: Explora;
  readonly model: ReturnType<typeof denseModel>;
  readonly session: ExploraSession;
}

/** A Repo whose Libraries (numExamples by id) are all there, and a session in which each takes part in every round. */
export async function joinedSession(
  pool: TestPool,
  { libraries, rounds }: { libraries: Readonly<Record<string, number>>; rounds: number },
): Promise<JoinedSession> {
  const { repoId, apiKey, explora } = await pool.repo();
  const model = denseModel(60, 80);
  const { modelId } = await explora.uploadModel(model);
  const all = Object.entries(libraries).map(([libraryId, numExamples]) =>
    pool.library({ apiKey, libraryId, numExamples, trainMs: 30 }),
  );
  await Promise.all(all.map((library) => library.join()));
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: all.length },
    continuation: { value: 1 },
    evaluation: { on: 'none' },
    termination: { maxRounds: rounds },
  });
  return { repoId, explora, model, session };
}
