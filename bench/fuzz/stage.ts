import { Explora } from '../../src/explora/index.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { type ApiClient } from '../../src/protocol/client/request.js';
import { startBenchPool, type BenchPool } from '../lib/pool.js';
import { CALM_ENV, calmSessions, type CalmSessions } from './calm-session.js';
import { MEASURABLE, MemoryLines, STEADY_MALLOC } from './memory.js';
import { World, type Credentials } from './world.js';

export interface Stage {
  readonly pool: BenchPool;
  readonly calm: CalmSessions;
  readonly world: World;
  readonly memory: MemoryLines;
}

const REPO_ID = 'fuzz';
/** Short waits, so that a wait is soon known from a hang; and rates that one address does not reach. */
const ENV = {
  ...CALM_ENV,
  HEADER_TIMEOUT_MS: '1500',
  BODY_IDLE_MS: '1000',
  STRANGER_MS: '2000',
  RATE_PER_KEY: '50000',
  RATE_PER_TOKEN: '50000',
  RATE_PER_ADDRESS: '20000',
  MAX_MODEL_BYTES: String(2 ** 20),
  // A second thread that starts some time is no leak, and looks like one.
  AGGREGATOR_SLOTS: '1',
  // Full before memory is looked at first.
  MODEL_CACHE_BYTES: String(2 ** 18),
};

/** A pool of several processes with two Repos: one to play with, and one in which a session runs. */
export async function setStage(onLine?: (line: string) => void): Promise<Stage> {
  const memory = new MemoryLines();
  const pool = await startBenchPool({
    gateways: 2,
    env: { ...ENV, ...STEADY_MALLOC, POOL_KEY: poolKeyPem(newPoolKey()) },
    nodeArgs: MEASURABLE,
    onLine: (line) => {
      memory.note(line);
      onLine?.(line);
    },
  });
  try {
    const calm = await calmSessions(pool);
    // Few of everything, so that the limits are met and the lists stay short.
    await pool.api.json({
      path: '/v1/repos',
      method: 'POST',
      json: {
        repoId: REPO_ID,
        concurrency: 2,
        limits: {
          openSessions: 6,
          openEvaluations: 30,
          sessions: 5_000,
          models: 60,
          testSets: 20,
          keys: 100,
          libraries: 40,
        },
      },
    });
    const credentials = await makeCredentials(pool);
    const world = (modelId: string): World =>
      new World(credentials, {
        repoId: REPO_ID,
        calm: {
          repoId: calm.repoId,
          get sessionId() {
            return calm.sessionId();
          },
        },
        modelId,
      });
    const { model } = world('');
    // At each gateway: its thread for uploads starts with the first one, and would count as one that does not end.
    const uploads = pool.urls.map((url) =>
      new Explora({ url, repoId: REPO_ID, token: credentials.owner }).uploadModel(model),
    );
    const [{ modelId } = { modelId: '' }] = await Promise.all(uploads);
    const made = world(modelId);
    const [h5, keras] = await Promise.all([
      kerasFile(pool, modelId, 'h5'),
      kerasFile(pool, modelId, 'keras'),
    ]);
    made.kerasFiles = { h5, keras };
    return { pool, calm, world: made, memory };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

async function kerasFile(pool: BenchPool, modelId: string, format: string): Promise<Uint8Array> {
  const path = `/v1/repos/${REPO_ID}/models/${modelId}?format=${format}`;
  return pool.api.send({ path }, async ({ response }) => new Uint8Array(await response.arrayBuffer()));
}

async function makeCredentials(pool: BenchPool): Promise<Credentials> {
  const path = `/v1/repos/${REPO_ID}/keys`;
  const key = (api: ApiClient): Promise<{ apiKey: string; keyId: string }> =>
    api.json({ path, method: 'POST', json: {} });
  const [own, revoked] = [await key(pool.api), await key(pool.api)];
  await pool.api.json({ path: `${path}/${revoked.keyId}`, method: 'DELETE' });
  const owner = await pool.token('owner', [REPO_ID]);
  return {
    admin: await pool.token('admin'),
    owner,
    explora: await pool.token('explora', [REPO_ID]),
    dashboard: await pool.token('dashboard', [REPO_ID, 'calm']),
    apiKey: own.apiKey,
    bad: [
      revoked.apiKey,
      await pool.token('owner', ['elsewhere']),
      await pool.token('dashboard', [REPO_ID]),
      `${owner.slice(0, -2)}xx`,
      own.apiKey.slice(0, -1),
      'x',
      'cnk_fuzz..',
      'e30.e30.',
      'a'.repeat(4_000),
    ],
  };
}
