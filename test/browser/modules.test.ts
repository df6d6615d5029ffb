import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from '@jest/globals';
import { build } from 'esbuild';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { browserTest, useChromium } from '../helpers/chromium.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { fixture } from '../keras/fixtures.js';
import { join, problemsOf, roundsOf, stateOf, testPages } from './page.js';

const browsing = useChromium();
const WAIT = { withinMs: 60_000 };
const DATA = (): Float32Array => Float32Array.from({ length: 60 * 14 }, (_, i) => Math.sin(i * 12.9898));

const WORKER = `
  import { serveLibrary } from 'cloud-node-library/worker';
  serveLibrary({
    wasm: () => import('@tensorflow/tfjs-backend-wasm').then((wasm) => wasm.setWasmPaths('/tf/')),
    cpu: () => import('@tensorflow/tfjs-backend-cpu'),
  });
`;
const PAGE = `
  import * as cloudNodeLibrary from 'cloud-node-library';
  const worker = () => new Worker('/bundle/worker.js', { type: 'module' });
  Object.assign(window, { cloudNodeLibrary, moduleWorker: worker });
`;

/** What a bundler makes of the package as its README says to use it, by path. */
async function bundled(): Promise<Record<string, string>> {
  const project = await mkdtemp(path.join(tmpdir(), 'cn-bundle-'));
  try {
    await mkdir(path.join(project, 'node_modules'));
    for (const [name, target] of [
      ['cloud-node-library', 'dist/library'],
      ['@tensorflow', 'node_modules/@tensorflow'],
    ] as const)
      await symlink(path.resolve(target), path.join(project, 'node_modules', name));
    const sources: Record<string, string> = { page: PAGE, worker: WORKER };
    const { outputFiles } = await build({
      entryPoints: Object.keys(sources),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      outdir: '/bundle',
      logLevel: 'silent',
      plugins: [
        {
          name: 'sources',
          setup: ({ onResolve, onLoad }) => {
            onResolve({ filter: /^(page|worker)$/ }, ({ path: name }) => ({
              path: name,
              namespace: 'sources',
            }));
            onLoad({ filter: /.*/, namespace: 'sources' }, ({ path: name }) => ({
              contents: sources[name] ?? '',
              resolveDir: project,
            }));
          },
        },
      ],
    });
    return Object.fromEntries(outputFiles.map((file) => [file.path, file.text]));
  } finally {
    await rm(project, { recursive: true });
  }
}

browserTest(
  "a module worker and a script worker train a model with Keras's default GRU",
  async () => {
    const files = await bundled();
    const javascript = Object.entries(files).map(
      ([name, body]) => [name, () => ({ type: 'text/javascript', body })] as const,
    );
    const html = '<!doctype html><script type="module" src="/bundle/page.js"></script>';
    const site = await browsing.site({
      extra: {
        ...testPages({ '/data': DATA }),
        ...Object.fromEntries(javascript),
        '/module.html': () => ({ type: 'text/html', body: html }),
      },
    });
    const pool = await startPool({ env: { CORS_ORIGINS: '*' } });
    const { apiKey, explora } = await pool.repo();
    const { name, topology, tensors, parameters } = await readKerasModel(fixture('gru_reset_after.k3.keras'));
    const { modelId } = await explora.uploadModel({ name, topology, tensors, weights: parameters });
    const url = pool.gateways.map((gateway) => gateway.url);
    const data = { path: '/data', inputShape: [4, 3], labels: 2 };
    const pages = await Promise.all(
      ['module', 'test'].map(async (page) => {
        const tab = await (await browsing.device()).newPage();
        await tab.goto(`${site}/${page}.html`);
        await join(tab, { url, apiKey, data });
        await eventually(async () => (await stateOf(tab)) === 'idle', WAIT);
        return tab;
      }),
    );
    const session = await explora.submit({
      modelId,
      datasetId: 'data',
      hyperparams: { batchSize: 20, loss: 'meanSquaredError', optimizer: { learningRate: 0.01 } },
      selection: { type: 'all', goal: 2 },
      continuation: { value: 1, minUpdates: 2 },
      evaluation: { on: 'none' },
      termination: { maxRounds: 2 },
    });
    expect(await session.result()).toMatchObject({ state: 'completed', version: 2 });
    for (const page of pages) {
      const sent = await eventually(async () => {
        const rounds = await roundsOf(page);
        return rounds.length === 2 ? rounds.map((round) => round.sent?.norm ?? 0) : null;
      });
      expect(Math.min(...(sent ?? []))).toBeGreaterThan(0);
      expect(await problemsOf(page)).toEqual([]);
    }
  },
  120_000,
);
