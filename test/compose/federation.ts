import { SignJWT } from 'jose';
import { denseModel } from '../../bench/lib/dense-model.js';
import { DeterministicTrainer, seedOf } from '../../bench/lib/trainer.js';
import { ApiClient } from '../../src/protocol/client/request.js';
import { Explora, type ExploraSession } from '../../src/explora/index.js';
import { Library } from '../../src/library/index.js';
import { Brake, heldTrainer } from './held-trainer.js';

export interface Federation {
  readonly api: ApiClient;
  readonly explora: Explora;
  readonly session: ExploraSession;
  readonly weights: Float32Array;
  /** libraryId → numExamples. */
  readonly libraries: Readonly<Record<string, number>>;
  /** How many of them wait at the brake in each round. */
  readonly held: number;
  readonly brake: Brake;
  close(): Promise<void>;
}

const REPO = 'clinics';
const ROUND_MS = 240_000;

/** A Repo, Libraries that outlive everything the pool goes through, and a session of `rounds` rounds with all of them. */
export async function startFederation(at: {
  url: string;
  secret: string;
  rounds: number;
}): Promise<Federation> {
  const token = (role: string): Promise<string> =>
    new SignJWT({ role, repos: [REPO] })
      .setSubject('test')
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(at.secret));
  const headers = async (): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await token('admin')}`,
  });
  const api = new ApiClient({ urls: [at.url], headers });
  await api.json({ path: '/v1/repos', method: 'POST', json: { repoId: REPO } });
  const { apiKey } = await api.json<{ apiKey: string }>({
    path: `/v1/repos/${REPO}/keys`,
    method: 'POST',
    json: {},
  });

  const brake = new Brake();
  const libraries = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`library-${i}`, 10 + 7 * i]));
  const held = 3;
  const joined = Object.entries(libraries).map(([libraryId, numExamples], i) => {
    const trainer = new DeterministicTrainer({ seed: seedOf(libraryId), numExamples });
    const library = new Library({
      url: at.url,
      apiKey,
      libraryId,
      trainer: i < held ? heldTrainer(trainer, brake) : trainer,
      backoff: { baseMs: 100, maxMs: 2_000 },
    });
    const inputs = new Float32Array(numExamples);
    library.addData('data', { inputs, inputShape: [1], labels: inputs, labelShape: [1] });
    return library;
  });
  const close = async (): Promise<void> =>
    void (await Promise.allSettled(joined.map((library) => library.leave())));
  try {
    await Promise.all(joined.map((library) => library.join()));
    const explora = new Explora({ url: at.url, repoId: REPO, token: await token('owner') });
    // Three shards: several aggregators have something to do.
    const model = denseModel(1_000, 600);
    const { modelId } = await explora.uploadModel(model);
    const goal = joined.length;
    const session = await explora.submit({
      modelId,
      hyperparams: { batchSize: 1 },
      selection: { type: 'all', goal },
      continuation: { value: 1, minUpdates: goal },
      deadlines: { recruitMs: 120_000, roundMs: ROUND_MS, maxRoundRetries: 20 },
      termination: { maxRounds: at.rounds },
      evaluation: { on: 'none' },
    });
    return { api, explora, session, weights: model.weights, libraries, held, brake, close };
  } catch (error) {
    await close();
    throw error;
  }
}
