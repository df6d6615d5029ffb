import { readFile, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect } from '@jest/globals';
import type { Download, Page } from 'playwright-core';
import { browserTest } from '../helpers/chromium.js';
import { eventually } from '../helpers/eventually.js';
import { goTo, signIn, usePages } from './page.js';
import { joinSignClinics, signExamples } from './sign-clinics.js';
import { startWorld } from './world.js';

const pages = usePages();
const FIXTURES = 'test/keras/fixtures';
const folder = mkdtempSync(path.join(tmpdir(), 'cn-models-'));
const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
  rmSync(folder, { recursive: true });
});

async function keep(download: Download): Promise<string> {
  const file = path.join(folder, download.suggestedFilename());
  await writeFile(file, await readFile(await download.path()));
  return file;
}

const upload = async (page: Page, ...files: string[]): Promise<void> =>
  page.getByLabel('Model files').setInputFiles(files);

browserTest(
  'a person uploads a Keras file, trains it from the form, evaluates what came of it, and takes it away and back',
  async () => {
    const { pool, repoId, url, explora, apiKey } = await startWorld({ evaluator: 1 });
    await explora.uploadTestSet('default', signExamples(200, 5));
    open.push(await joinSignClinics({ url, apiKey }));
    const page = await pages.open({ mayComplain: true });
    await signIn(page, url, await pool.token('explora', [repoId]));
    await goTo(page, url, `repos/${repoId}/submit`);
    await upload(page, 'package.json');
    await page.getByText('This is not a whole model.').waitFor();
    await upload(page, `${FIXTURES}/compiled_momentum.k3.keras`);
    await page.getByText('“compiled_momentum.k3” is uploaded.').waitFor();
    // It is chosen, and how it was compiled is filled in.
    expect(await page.getByLabel('Model required').inputValue()).toMatch(/^m-/);
    expect(await page.getByLabel('Optimizer type').inputValue()).toBe('momentum');
    expect(await page.getByLabel('Loss').inputValue()).toBe('binaryCrossentropy');
    await page.getByLabel('Name').fill('from a file');
    await page.getByLabel('Batch size required').fill('20');
    await page.getByLabel('Goal').fill('3');
    await page.getByLabel('Max rounds').fill('3');
    await page.getByRole('button', { name: 'Submit the job' }).click();

    await page.getByRole('heading', { level: 1, name: 'from a file' }).waitFor();
    await page.getByText(/^Round \d of 3$/).waitFor();
    const rounds = page.getByRole('region', { name: 'Rounds' }).getByRole('row');
    await eventually(async () => expect(await rounds.count()).toBe(4), { withinMs: 30_000 });
    await page.getByText('completed', { exact: true }).waitFor({ timeout: 20_000 });
    await page.getByRole('img', { name: /^loss by version\. test set: / }).waitFor();

    await page.getByLabel('Version', { exact: true }).selectOption('1');
    await page.locator('summary', { hasText: 'Evaluate' }).click();
    await page.getByRole('button', { name: 'Evaluate' }).click();
    const scores = page.getByRole('list', { name: 'Evaluations' });
    await scores.getByText(/^Version 1 on default: loss [\d.e-]+, /).waitFor();

    await page.getByRole('link', { name: /^m-s-/ }).click();
    const card = page
      .getByRole('listitem')
      .filter({ has: page.getByRole('heading', { name: 'from a file' }) });
    await card.locator('summary', { hasText: 'Evaluate' }).click();
    await card.getByLabel('Loss').fill('meanSquaredError');
    await card.getByRole('button', { name: 'Evaluate' }).click();
    await card.getByText(/^default: loss [\d.e-]+, /).waitFor();
    // The evaluator says what is wrong.
    await card.getByLabel('Loss').fill('guesswork');
    await card.getByRole('button', { name: 'Evaluate' }).click();
    await card.getByText(/^failed: .*guesswork/).waitFor();

    await card.getByText('Download', { exact: true }).click();
    const coming: Download[] = [];
    page.on('download', (one) => void coming.push(one));
    for (const [name, count] of [
      ['Keras .keras', 1],
      ['Keras .h5', 2],
      ['TensorFlow.js', 4],
    ] as const) {
      await card.getByRole('button', { name }).click();
      await eventually(() => expect(coming.length).toBe(count), { withinMs: 15_000 });
    }
    const files = new Map<string, string>();
    for (const one of coming) files.set(path.extname(one.suggestedFilename()), await keep(one));
    // Back again in each form.
    const file = (extension: string): string => files.get(extension) ?? '';
    for (const chosen of [[file('.json'), file('.bin')], [file('.keras')], [file('.h5')]]) {
      await upload(page, ...chosen);
      await page.getByRole('status').getByText('is uploaded.').waitFor();
    }
    await upload(page, file('.json'));
    await page.getByText('Choose weights.bin together with model.json.').waitFor();
    await upload(page, `${FIXTURES}/mlp.k2.h5`);
    await page.getByRole('heading', { level: 2, name: 'mlp.k2' }).waitFor();
  },
  120_000,
);
