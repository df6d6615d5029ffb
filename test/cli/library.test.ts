import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, it } from '@jest/globals';
import * as layers from '@tensorflow/tfjs-layers';
import { seededRandom } from '../../src/core/random.js';
import { fromLayersModel } from '../../src/explora/from-layers-model.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { spawnNode, type NodeProcess } from '../helpers/processes.js';
import { startManInTheMiddle } from '../security/man-in-the-middle.js';

const dir = mkdtempSync(path.join(tmpdir(), 'cn-library-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Flowers told apart by the sum of two lengths; each file has all three kinds. */
function flowers(rows: number, seed: number): string {
  const random = seededRandom(seed);
  const lines = Array.from({ length: rows }, () => {
    const [a, b] = [random() * 10, random() * 10];
    const kind = a + b < 7 ? 'daisy' : a + b < 13 ? 'iris' : 'rose';
    return `${a.toFixed(3)},${random() < 0.5 ? 'north' : 'south'},${b.toFixed(3)},${kind}`;
  });
  return ['stem,side,leaf,kind', ...lines, ''].join('\n');
}

const key = newPoolKey();
let pool: TestPool;
let repo: Awaited<ReturnType<TestPool['repo']>>;
let keyFile: string;
let modelId: string;

beforeEach(async () => {
  pool = await startPool({ env: { POOL_KEY: poolKeyPem(key) } });
  repo = await pool.repo();
  keyFile = path.join(dir, 'key');
  writeFileSync(keyFile, `${repo.apiKey}\n`);
  await useBestNodeBackend();
  const model = layers.sequential({
    layers: [
      layers.layers.dense({ inputShape: [4], units: 16, activation: 'relu' }),
      layers.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  ({ modelId } = await repo.explora.uploadModel(await fromLayersModel(model)));
  model.dispose();
});

function start(name: string, ...more: string[]): NodeProcess {
  const own = ['--state-dir', path.join(dir, name), '--data', path.join(dir, `${name}.csv`)];
  const shared = ['--dataset', 'flowers', '--key-file', keyFile, '--repo', repo.repoId];
  const url = pool.gateways.map((gateway) => gateway.url).join(',');
  return spawnNode(['bin/cloud-node.mjs', 'library', '--url', url, ...own, ...shared, ...more]);
}

const job = (overrides: object = {}) => ({
  modelId,
  datasetId: 'flowers',
  hyperparams: { batchSize: 16, epochs: 5, optimizer: { type: 'adam' as const, learningRate: 0.02 } },
  selection: { type: 'all' as const, goal: 2 },
  continuation: { value: 1 },
  evaluation: { on: 'libraries' as const },
  termination: { maxRounds: 3 },
  ...overrides,
});

it('trains on files of two machines, and leaves after one session', async () => {
  const encoding = path.join(dir, 'flowers.json');
  const options = ['--label', 'kind', '--scale', 'standard', '--encoding', encoding];
  options.push('--pool-key', key.publicKey);
  writeFileSync(path.join(dir, 'ada.csv'), flowers(300, 1));
  writeFileSync(path.join(dir, 'ben.csv'), flowers(200, 2));
  const ada = start('ada', ...options, '--once');
  await ada.waitForLine(/ joined /, 20_000);
  // What ada made of the columns is what ben needs; ben stays, so that it can be asked what it did.
  const ben = start('ben', ...options, '--metrics-port', '0');
  const [, port = ''] = /port=(\d+)/.exec(await ben.waitForLine(/ health /, 20_000)) ?? [];
  await ben.waitForLine(/ joined /, 20_000);
  expect(ben.lines.find((line) => / data /.test(line))).toMatch(
    /examples=200 input=4 label=1 normalisation=".*mean.*" classes="daisy,iris,rose"/,
  );
  const health = `http://127.0.0.1:${port}`;
  await eventually(async () => (await fetch(`${health}/readyz`)).ok);

  const session = await repo.explora.submit(job());
  const view = await session.result();
  expect(view).toMatchObject({ state: 'completed', version: 3 });
  expect(view.history.map((round) => round.totalExamples)).toEqual([500, 500, 500]);
  expect(view.history[2]?.metrics['accuracy']).toBeGreaterThan(0.85);
  expect(await (await fetch(`${health}/metrics`)).text()).toContain('rounds_total{outcome="counted"} 3');

  expect(await ada.ended).toBe(0);
  expect(await ben.stop(20_000)).toBe('SIGTERM');
  expect(
    ada.lines.filter((line) => / counted session=s-\S+ round=\d loss=\S+ accuracy=/.test(line)),
  ).toHaveLength(3);
  expect(ada.lines.at(-2)).toMatch(/ session session=\S+ state=completed$/);
  expect(ada.lines.at(-1)).toMatch(/ stopped$/);
});

it('finishes its round when it is told to end, and is the same Library afterwards', async () => {
  writeFileSync(path.join(dir, 'cyd.csv'), flowers(50, 3));
  // Longer than its round on any backend, on a busy machine too.
  const first = start('cyd', '--grace', '60s');
  await first.waitForLine(/ joined /, 20_000);
  const slow = { batchSize: 1, epochs: 20 };
  const session = await repo.explora.submit(
    job({ hyperparams: slow, selection: { type: 'all', goal: 1 }, termination: { maxRounds: 1 } }),
  );
  await first.waitForLine(/ training$/);
  expect(await first.stop(60_000)).toBe('SIGTERM');
  expect(first.lines.join('\n')).toMatch(/ leaving signal=SIGTERM\n(.*\n)*.* counted .*\n(.*\n)*.* stopped$/);
  expect(await session.result()).toMatchObject({ state: 'completed', version: 1 });

  const id = readFileSync(path.join(dir, 'cyd', 'library-id'), 'utf8').trim();
  const second = start('cyd', '--json');
  const joined = JSON.parse(await second.waitForLine(/"what":"joined"/, 20_000)) as { library: string };
  expect(joined.library).toBe(id);
  expect(first.lines.join('\n')).toContain(`library=${id}`);
  await second.stop();
}, 90_000);

it('gives back what it can not finish in time, so that somebody else is asked', async () => {
  writeFileSync(path.join(dir, 'dee.csv'), flowers(50, 4));
  const slow = start('dee', '--grace', '1s');
  await slow.waitForLine(/ joined /, 20_000);
  const endless = { batchSize: 1, epochs: 10_000 };
  await repo.explora.submit(job({ hyperparams: endless, selection: { type: 'all', goal: 1 } }));
  await slow.waitForLine(/ training$/);
  writeFileSync(path.join(dir, 'fox.csv'), flowers(50, 5));
  const next = start('fox', '--grace', '1s');
  await next.waitForLine(/ joined /, 20_000);
  expect(await slow.stop()).toBe('SIGTERM');
  expect(slow.lines.some((line) => / counted /.test(line))).toBe(false);
  await next.waitForLine(/ training$/);
  await next.stop();
});

it('ends with what the pool or the file has against it', async () => {
  writeFileSync(path.join(dir, 'eve.csv'), 'a,b\n1,2\n3,\n');
  const bad = start('eve');
  expect(await bad.ended).toBe(64);
  expect(bad.lines.join('\n')).toMatch(/eve\.csv:3: column "b": the value is missing/);
  writeFileSync(path.join(dir, 'eve.csv'), 'a,b\n1,2\n');
  writeFileSync(
    keyFile,
    repo.apiKey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  );
  const refused = start('eve');
  expect(await refused.ended).toBe(77);
  writeFileSync(keyFile, repo.apiKey);
  const other = start('eve', '--repo', 'another');
  expect(await other.ended).toBe(64);
  expect(other.lines.join('\n')).toContain(`is for Repo "${repo.repoId}", not for "another"`);
});

it('tells no gateway the API key that does not prove to have the key of the pool', async () => {
  writeFileSync(path.join(dir, 'gus.csv'), 'a,b\n1,2\n');
  const middle = await startManInTheMiddle(pool.gateways[0]?.url ?? '');
  const refused = start('gus', '--url', middle.url, '--pool-key', newPoolKey().publicKey);
  expect(await refused.ended).toBe(69);
  expect(refused.lines.join('\n')).toMatch(/which is neither pinned nor a successor/);
  expect(middle.requests).toEqual(['POST /v1/proof']);
  expect(middle.heard.join('')).not.toContain(repo.apiKey);
  const mistyped = start('gus', '--pool-key', 'abc');
  expect(await mistyped.ended).toBe(64);
  expect(mistyped.lines.join('\n')).toMatch(/--pool-key: "abc" is not a key of a pool/);
});
