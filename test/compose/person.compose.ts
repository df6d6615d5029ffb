import { readFile } from 'node:fs/promises';
import { afterEach, expect } from '@jest/globals';
import type { Download, Page } from 'playwright-core';
import { Explora } from '../../src/explora/index.js';
import { goTo, signIn, usePages } from '../dashboard/page.js';
import { joinSignClinics, signExamples } from '../dashboard/sign-clinics.js';
import { browserTest } from '../helpers/chromium.js';
import { eventually } from '../helpers/eventually.js';
import { Brake, heldTrainer } from './held-trainer.js';
import { useComposePool } from './use-project.js';

const MODEL = 'test/keras/fixtures/compiled_momentum.k3.keras';
const ROUNDS = 3;
/** The menu: files by the ends of their names, with how a file begins or how many bytes it has (5 parameters). */
const FORMATS = {
  'TensorFlow.js': { 'model.json': '{', 'weights.bin': 20 },
  'Keras .keras': { '.keras': 'PK' },
  'Keras .h5': { '.h5': '\x89HDF' },
  'Raw f32': { '.f32': 20 },
  'Raw f16': { '.f16': 10 },
};

const pool = await useComposePool({ gateway: 3, aggregator: 2 });
const pages = usePages();
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** First line of what `docker compose exec gateway node bin/cloud-node.mjs …` prints. */
async function cloudNode(...args: string[]): Promise<string> {
  const [gateway] = await pool.containers('gateway');
  if (!gateway) throw new Error('No gateway runs.');
  const { code, output } = await pool.exec(gateway, 'node', 'bin/cloud-node.mjs', ...args);
  if (code !== 0) throw new Error(output);
  return output.split('\n')[0] ?? '';
}

/** Sees each round open and its row come in, without a reload. A round ends only when its turn has come. */
async function watchRounds(page: Page, brake: Brake): Promise<void> {
  const rows = page.getByRole('region', { name: 'Rounds' }).getByRole('row');
  for (let round = 1; round <= ROUNDS; round++) {
    await page.getByText(`Round ${round} of ${ROUNDS}`, { exact: true }).waitFor({ timeout: 30_000 });
    // A Library that reaches the brake later than the others is let through as well: it is the same model.
    await eventually(() => brake.waiting > 0, { withinMs: 30_000 });
    brake.release();
    // With the row of headings.
    await eventually(async () => expect(await rows.count()).toBe(round + 1), { withinMs: 30_000 });
  }
  await page.getByText('completed', { exact: true }).waitFor({ timeout: 30_000 });
}

browserTest(
  'a newcomer with the documented commands and a browser trains a model, evaluates it and takes it away',
  async () => {
    await cloudNode('repo', 'create', 'demo');
    const apiKey = await cloudNode('key', 'create', 'demo');
    const token = await cloudNode('token', '--role', 'admin');
    const { url } = pool;
    await new Explora({ url, token, repoId: 'demo' }).uploadTestSet('default', signExamples(200, 5));

    const page = await pages.open();
    await signIn(page, url, token);
    for (const role of ['Gateways 3', 'Coordinators 1', 'Aggregators 2', 'Evaluators 1'])
      await page.getByRole('heading', { name: new RegExp(`^${role}`) }).waitFor();
    await goTo(page, url, 'repos/demo/submit');
    await page.getByLabel('Model files').setInputFiles(MODEL);
    await page.getByText('“compiled_momentum.k3” is uploaded.').waitFor();
    await page.getByLabel('Name').fill('first job');
    await page.getByLabel('Batch size required').fill('20');
    await page.getByLabel('Goal').fill('3');
    await page.getByLabel('Max rounds').fill(String(ROUNDS));
    await page.getByRole('button', { name: 'Submit the job' }).click();
    await page.getByRole('heading', { level: 1, name: 'first job' }).waitFor();
    // There is no Library yet.
    await page.getByText('Opens with 3 Libraries.').waitFor();
    const brake = new Brake();
    open.push(await joinSignClinics({ url, apiKey, around: (trainer) => heldTrainer(trainer, brake) }));
    await watchRounds(page, brake);
    await page.getByRole('img', { name: /^loss by version\. test set: / }).waitFor();

    await page.getByRole('link', { name: /^m-s-/ }).click();
    const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'first job' }) });
    await card.locator('summary', { hasText: 'Evaluate' }).click();
    await card.getByRole('button', { name: 'Evaluate' }).click();
    await card.getByText(/^default: loss [\d.e-]+, /).waitFor({ timeout: 30_000 });

    await card.getByText('Download', { exact: true }).click();
    const coming: Download[] = [];
    page.on('download', (one) => void coming.push(one));
    for (const [name, files] of Object.entries(FORMATS)) {
      await card.getByRole('button', { name }).click();
      await eventually(() => expect(coming).toHaveLength(Object.keys(files).length), { withinMs: 15_000 });
      for (const [file, expected] of Object.entries<string | number>(files)) {
        const one = coming.find((each) => each.suggestedFilename().endsWith(file));
        const bytes = await readFile((await one?.path()) ?? '');
        if (typeof expected === 'number') expect(bytes).toHaveLength(expected);
        else expect(bytes.toString('latin1', 0, expected.length)).toBe(expected);
      }
      coming.length = 0;
    }
  },
  240_000,
);
