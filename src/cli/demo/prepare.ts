import { Explora } from '../../explora/explora.js';
import { fromLayersModel } from '../../explora/from-layers-model.js';
import { PoolApi } from '../api.js';
import { count, integer } from '../format.js';
import type { Lifetime } from '../lifetime.js';
import { isolatedPoolEnv } from '../pool-env.js';
import { startPrivateRedis } from '../private-redis.js';
import { poolKeyEnv } from '../pool-key-files.js';
import { ensureSecret, writeProfile } from '../profile.js';
import type { Supervised } from '../supervised.js';
import { describeSize } from '../pool-size.js';
import { startPool, type Pool } from '../supervisor.js';
import { signToken } from '../token.js';
import { startLibraries } from './libraries.js';
import { MNIST_CLASSES, MNIST_PIXELS, readMnist } from './mnist.js';
import type { DemoOptions, Stage } from './stage.js';
import { createSteps, type Steps } from './steps.js';

export const REPO_ID = 'mnist-demo';
export const TEST_SET_ID = 'mnist';
const SIZE = { gateways: 2, coordinators: 1, aggregators: 2, evaluators: 1, allInOne: 0 };
/** Longer than anybody keeps a demo up. */
const TOKEN_MS = 24 * 3_600_000;
/** Of the initial weights: the same version 0 in every demo. */
const MODEL_SEED = 1;

/** A pool with Libraries that have joined, a model and a test set: ready for a job. */
export interface Federation {
  readonly pool: Pool;
  readonly urls: readonly string[];
  readonly libraries: readonly Supervised[];
  readonly api: PoolApi;
  readonly explora: Explora;
  readonly modelId: string;
  readonly testImages: number;
  readonly dataDir: string;
  /** Processes that died and came back, in words. */
  readonly deaths: string[];
}

export interface Preparation {
  readonly options: DemoOptions;
  readonly stage: Stage;
  readonly lifetime: Lifetime;
  readonly dataDir: string;
}

export async function prepareFederation(preparation: Preparation): Promise<Federation> {
  const { options, stage, lifetime, dataDir } = preparation;
  const deaths: string[] = [];
  const say = (what: string): void => {
    deaths.push(what);
    if (!stage.live) stage.stream.write(`! ${what}\n`);
  };
  const onDeath = ({ name }: Supervised, how: string): void =>
    say(`${name} ended (${how}); it is started again`);
  const onRestart = ({ name, pid }: Supervised): void => say(`${name} is there again (pid ${pid})`);
  const steps = createSteps(stage);
  stage.stream.write(`\n  ${stage.style.bold('Federated learning on this machine')}\n\n`);

  const redis = await steps.run('A Redis of its own', () =>
    lifetime.own(startPrivateRedis({ dir: dataDir, appendOnly: true }), {
      end: (started) => started.stop(),
      force: (started) => started.kill('SIGKILL'),
    }),
  );
  const { file: secretFile, secret } = ensureSecret(dataDir);
  const identity = poolKeyEnv(dataDir);
  const pool = await steps.run(`The pool: ${describeSize(SIZE)}`, () =>
    lifetime.own(
      startPool({
        ...SIZE,
        port: options.port ?? 0,
        env: isolatedPoolEnv(process.env, { REDIS_URL: redis.url, AUTH_SECRET: secret, ...identity.env }),
        dataDir,
        onExit: onDeath,
        onRestart,
      }),
      { end: (started) => started.stop(), force: (started) => started.kill() },
    ),
  );
  const urls = pool.gatewayUrls;
  writeProfile(dataDir, { v: 1, pid: process.pid, urls: [...urls], secretFile, startedMs: Date.now() });

  const as = (role: 'admin' | 'explora', repos: readonly string[]) => (): Promise<string> =>
    signToken({ secret, role, repos, subject: 'cloud-node-demo', expiresInMs: TOKEN_MS });
  const api = new PoolApi({ urls, token: as('admin', ['*']) });
  const explora = new Explora({ urls, token: as('explora', [REPO_ID]), repoId: REPO_ID });
  const apiKey = await steps.run(`Repo ${REPO_ID} with an API key for the Libraries`, async () => {
    await api.createRepo({ repoId: REPO_ID, name: 'MNIST demo' });
    return (await api.createKey(REPO_ID, { label: 'demo', expiresInMs: null })).apiKey;
  });
  const { modelId, testImages } = await upload(steps, explora);
  const libraries = await steps.run(
    `${count(options.libraries, 'Library')} join, each a process with its own images`,
    () =>
      startLibraries({
        count: options.libraries,
        urls,
        apiKey,
        poolKey: identity.publicKey,
        iid: options.iid ?? false,
        dataDir,
        lifetime,
        onDeath,
        onRestart,
      }),
  );
  return { pool, urls, libraries, api, explora, modelId, testImages, dataDir, deaths };
}

async function upload(steps: Steps, explora: Explora): Promise<{ modelId: string; testImages: number }> {
  const testImages = await steps.run(
    'Explora uploads the test set',
    async () => {
      const { numExamples, inputs, labels } = readMnist('test');
      const shapes = { inputShape: [MNIST_PIXELS], labelShape: [MNIST_CLASSES] };
      await explora.uploadTestSet(TEST_SET_ID, { numExamples, inputs, labels, ...shapes });
      return numExamples;
    },
    (images) => `Explora uploads the test set: ${integer(images)} images`,
  );
  const model = await steps.run(
    'Explora uploads the model',
    async () => {
      // Loaded only now: TF.js takes a second of its own.
      const [{ twoNn }, { useBestNodeBackend }] = await Promise.all([
        import('./two-nn.js'),
        import('../../library/tf-backend-node.js'),
      ]);
      await useBestNodeBackend();
      return explora.uploadModel(await fromLayersModel(twoNn(MODEL_SEED)));
    },
    ({ parameters }) =>
      `Explora uploads the model: 2NN, ${integer(parameters.paramCount)} parameters, untrained`,
  );
  return { modelId: model.modelId, testImages };
}
