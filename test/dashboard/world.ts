import { denseModel } from '../../bench/lib/dense-model.js';
import type { SessionView } from '../../src/protocol/http.js';
import type { Explora } from '../../src/explora/index.js';
import { startPool, type Role, type TestPool } from '../helpers/pool.js';

export interface World {
  readonly pool: TestPool;
  readonly repoId: string;
  readonly url: string;
  readonly modelId: string;
  readonly explora: Explora;
  readonly apiKey: string;
  /** Lets Libraries join, each of which trains for so long. */
  join(count: number, trainMs: number): Promise<void>;
  submit(job?: object): Promise<string>;
  view(sessionId: string): Promise<SessionView>;
}

/** A pool with a Repo and a model. */
export async function startWorld(roles: Partial<Record<Role, number>> = {}): Promise<World> {
  const pool = await startPool({ roles });
  const { repoId, apiKey, explora } = await pool.repo('clinics');
  const { modelId } = await explora.uploadModel(denseModel(10, 10));
  return {
    pool,
    repoId,
    modelId,
    explora,
    apiKey,
    url: pool.gateways[0]?.url ?? '',
    join: async (count, trainMs) => {
      const all = Array.from({ length: count }, (_, i) =>
        pool.library({
          apiKey,
          libraryId: `clinic-${i + 1}`,
          numExamples: 10 + i,
          trainMs: trainMs * (1 + (i % 3)),
        }),
      );
      await Promise.all(all.map((library) => library.join()));
    },
    submit: async (job = {}) => {
      const session = await explora.submit({
        modelId,
        name: 'by hand',
        hyperparams: { batchSize: 5 },
        selection: { type: 'all', goal: 3 },
        evaluation: { on: 'none' },
        ...job,
      });
      return session.sessionId;
    },
    view: (sessionId) => explora.readSession(sessionId),
  };
}
