/**
 * Serves the page of this example. It joins the Repo that the API key belongs to.
 *
 *   API_KEY=cnk_… [POOL_URL=http://127.0.0.1:8080] [POOL_PUBLIC_KEY=…] [PORT=8090] npm run example:browser
 *
 * With TOKEN (of Explora) and REPO it also submits a session for the page to take part in.
 */
import { fileURLToPath } from 'node:url';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { readMnist, readMnistDigits } from '../../src/cli/demo/mnist.js';
import { Explora, fromLayersModel } from '../../src/explora/index.js';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';
import { startSite, type Page, type Site } from './site.js';

const EXAMPLES = 600;

export interface ExampleOptions {
  readonly poolUrl: string;
  readonly apiKey: string;
  /** That the page pins. */
  readonly poolKey?: string | undefined;
  readonly port?: number;
  /** The folder with package.json. */
  readonly root?: string;
}

export function serveExample({ poolUrl, apiKey, poolKey, port = 0, root }: ExampleOptions): Promise<Site> {
  const config = JSON.stringify({ url: poolUrl, apiKey, poolKey });
  return startSite({
    // This file runs in dist/examples/browser.
    root: root ?? fileURLToPath(new URL('../../..', import.meta.url)),
    port,
    extra: {
      '/config.json': () => ({ type: 'application/json', body: config }),
      '/digits.bin': digits,
    },
  });
}

/** Some images at random, a byte a pixel, and then their digits: each browser gets others. */
function digits(): Page {
  const all = readMnistDigits('train');
  const rows = Array.from({ length: EXAMPLES }, () => Math.floor(Math.random() * all.length));
  const { inputs } = readMnist('train', rows);
  const body = new Uint8Array(inputs.length + EXAMPLES);
  inputs.forEach((value, i) => (body[i] = Math.round(value * 255)));
  rows.forEach((row, i) => (body[inputs.length + i] = all[row] ?? 0));
  return { type: 'application/octet-stream', body };
}

/** A small convolutional network, for one browser or more. @returns the session's id */
export async function submitExample(options: {
  url: string;
  token: string;
  repoId: string;
  poolKey?: string;
  rounds?: number;
}): Promise<string> {
  await useWasmBackend();
  const explora = new Explora(options);
  const conv = { kernelSize: 3, activation: 'relu', padding: 'same' } as const;
  const model = sequential({
    layers: [
      layers.conv2d({ ...conv, filters: 8, strides: 2, inputShape: [28, 28, 1] }),
      layers.conv2d({ ...conv, filters: 16 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  const { modelId } = await explora.uploadModel(await fromLayersModel(model));
  const session = await explora.submit({
    name: 'digits, in browsers',
    modelId,
    datasetId: 'mnist',
    hyperparams: { batchSize: 20, epochs: 2, optimizer: { learningRate: 0.05 }, metrics: ['accuracy'] },
    selection: { type: 'all', goal: 1 },
    continuation: { minUpdates: 1 },
    deadlines: { recruitMs: 3_600_000 },
    termination: { maxRounds: options.rounds ?? 30 },
  });
  return session.sessionId;
}

export async function run(): Promise<void> {
  const {
    API_KEY: apiKey,
    POOL_PUBLIC_KEY: poolKey,
    POOL_URL: poolUrl = 'http://127.0.0.1:8080',
    PORT = '8090',
    TOKEN,
    REPO,
  } = process.env;
  if (apiKey === undefined) {
    throw new Error('API_KEY is missing: npm run cloud-node -- key create <repo> prints one.');
  }
  const site = await serveExample({ poolUrl, apiKey, poolKey, port: Number(PORT) });
  console.log(`Open ${site.url}`);
  if (TOKEN === undefined || REPO === undefined) return;
  const pinned = poolKey === undefined ? {} : { poolKey };
  const sessionId = await submitExample({ url: poolUrl, token: TOKEN, repoId: REPO, ...pinned });
  console.log(`Session ${sessionId} waits for browsers.`);
}
