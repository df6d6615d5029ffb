import { Explora } from '../../src/explora/index.js';
import { denseModel } from '../lib/dense-model.js';
import { expectedSha256 } from '../lib/expected.js';
import type { BenchPool } from '../lib/pool.js';
import { startNode, type LineProcess } from '../lib/process.js';
import { fileURLToPath } from 'node:url';

const HOST = fileURLToPath(new URL('../chaos/library-host.js', import.meta.url));
const LIBRARIES = { a: 11, b: 12, c: 13, d: 14 };
const TRAIN_MS = 200;
const SHARD_PARAMS = 500;
const MODEL = denseModel(30, 40);
const REPO_ID = 'calm';

/** Environment of a pool whose sessions these are. */
export const CALM_ENV = { SHARD_PARAMS: String(SHARD_PARAMS) };

export interface CalmSessions {
  readonly repoId: string;
  readonly sessionId: () => string;
  /** Sessions that ended, and whether all came to the very model that an undisturbed one comes to. */
  readonly outcome: () => {
    readonly sessions: number;
    readonly identical: boolean;
    readonly problem: string;
  };
  /** One session from submit to end. */
  runOne(rounds: number): Promise<void>;
  end(): Promise<void>;
}

/** A Repo of real Libraries in a process of their own, in which one session after another runs. */
export async function calmSessions(pool: BenchPool): Promise<CalmSessions> {
  const apiKey = await pool.repo(REPO_ID);
  const options = { urls: pool.urls, apiKey, libraries: LIBRARIES, trainMs: TRAIN_MS };
  const host: LineProcess = await startNode([HOST, JSON.stringify(options)], {
    env: { ...process.env },
    onLine: () => undefined,
    readyWhen: /"ready":true/,
  });
  const explora = new Explora({ url: pool.urls, repoId: REPO_ID, token: await pool.token('admin') });
  const { modelId } = await explora.uploadModel(MODEL);
  const expected = new Map<number, string>();
  let [sessionId, sessions, problem] = ['', 0, ''];
  return {
    repoId: REPO_ID,
    sessionId: () => sessionId,
    outcome: () => ({ sessions, identical: sessions > 0 && problem === '', problem }),
    runOne: async (rounds) => {
      const count = Object.keys(LIBRARIES).length;
      const session = await explora.submit({
        modelId,
        hyperparams: { batchSize: 1 },
        selection: { type: 'all', goal: count },
        continuation: { value: 1, minUpdates: count },
        deadlines: { recruitMs: 60_000, roundMs: 60_000, maxRoundRetries: 20 },
        termination: { maxRounds: rounds },
        evaluation: { on: 'none' },
      });
      sessionId = session.sessionId;
      const view = await session.result();
      const sha256 = view.history.at(-1)?.sha256 ?? '';
      const wanted =
        expected.get(rounds) ??
        (await expectedSha256({
          weights: MODEL.weights,
          libraries: LIBRARIES,
          rounds,
          shardParams: SHARD_PARAMS,
        }));
      expected.set(rounds, wanted);
      sessions++;
      if (view.state !== 'completed' || sha256 !== wanted)
        problem = `session ${sessionId} is ${view.state} (${view.reason ?? ''}) with ${sha256}, not ${wanted}`;
    },
    end: () => host.end(),
  };
}
