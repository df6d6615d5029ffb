import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { eventually } from '../helpers/eventually.js';
import { browserTest } from '../helpers/chromium.js';
import { goTo, signIn, usePages } from './page.js';
import { startWorld, type World } from './world.js';

const pages = usePages();
const MINUTE = 60_000;

async function fillJob(page: Page, { modelId, rounds }: { modelId: string; rounds: number }): Promise<void> {
  await page.getByLabel('Model required').selectOption(modelId);
  await page.getByLabel('Batch size required').fill('5');
  await page.getByLabel('Goal').fill('3');
  await page.getByLabel('Max rounds').fill(String(rounds));
}

describe('a person at the Dashboard', () => {
  browserTest(
    'signs in, submits a job from the form, watches it to its end, downloads the model and promotes it',
    async () => {
      const world = await startWorld();
      const { pool, repoId, url, modelId } = world;
      await world.join(3, 150);
      const page = await pages.open({ mayComplain: true });
      await page.goto(`${url}/dashboard`);
      await page.getByLabel('Token').fill('no token');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('This is not a token of the pool.').waitFor();
      await signIn(page, url, await pool.token('explora', [repoId]));
      for (const role of ['Gateways', 'Coordinators', 'Aggregators'])
        await page.getByRole('heading', { name: new RegExp(`^${role} 1`) }).waitFor();
      await page.getByText('No evaluator runs.').waitFor();

      await page.getByRole('link', { name: 'Repos' }).click();
      await page.getByRole('link', { name: repoId }).click();
      await page.getByRole('link', { name: 'Submit a job' }).click();
      await page.getByLabel('Name').fill('from the form');
      await page.getByRole('button', { name: 'Submit the job' }).click();
      // Two are missing; the first of them has the focus and says so.
      await page.getByText('2 fields need a look').waitFor();
      const model = page.getByLabel('Model required');
      expect(await model.evaluate((element) => element === document.activeElement)).toBe(true);
      expect(await model.getAttribute('aria-invalid')).toBe('true');
      await fillJob(page, { modelId, rounds: 4 });
      await page.getByRole('button', { name: 'Submit the job' }).click();

      await page.getByRole('heading', { level: 1, name: 'from the form' }).waitFor();
      await page.getByText(/^Round \d of 4$/).waitFor();
      await page.getByText('collecting', { exact: true }).first().waitFor();
      await page.getByText('completed', { exact: true }).waitFor({ timeout: 20_000 });
      await page.getByText('Session completed: All 4 rounds done.').waitFor();
      const rounds = page.getByRole('region', { name: 'Rounds' });
      expect(await rounds.getByRole('row').count()).toBe(5);
      await page.getByRole('img', { name: /^loss by version\. training/ }).waitFor();

      await page.getByRole('link', { name: /^m-s-/ }).click();
      const card = page
        .getByRole('listitem')
        .filter({ has: page.getByRole('heading', { name: 'from the form' }) });
      await card.getByText('Download').click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        card.getByRole('button', { name: /Raw f32/ }).click(),
      ]);
      const bytes = await readFile(await download.path());
      const [sessionId = ''] = (await world.view((await firstSession(world)) ?? '')).sessionId.split(' ');
      const { resultModelId } = await world.view(sessionId);
      expect(download.suggestedFilename()).toBe(`${resultModelId}.f32`);
      const { parameters } = (await (
        await pool.fetch(`/v1/repos/${repoId}/models/${resultModelId}`)
      ).json()) as {
        parameters: { shards: string[] };
      };
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(parameters.shards[0]);
      const tfjs: string[] = [];
      page.on('download', (one) => tfjs.push(one.suggestedFilename()));
      await card.getByRole('button', { name: /TensorFlow/ }).click();
      await eventually(() => expect(tfjs).toEqual(['model.json', 'weights.bin']));

      for (const [name, begins] of [
        ['Keras .keras', 'PK'],
        ['Keras .h5', '\x89HDF'],
      ] as const) {
        const [file] = await Promise.all([
          page.waitForEvent('download'),
          card.getByRole('button', { name }).click(),
        ]);
        expect([name, (await readFile(await file.path())).toString('latin1', 0, begins.length)]).toEqual([
          name,
          begins,
        ]);
      }

      await card.getByText('Promote').first().click();
      await card.getByRole('button', { name: 'Promote' }).click();
      await card.getByText('production', { exact: true }).waitFor();
      const aliases = (await (await pool.fetch(`/v1/repos/${repoId}/aliases`)).json()) as {
        aliases: object[];
      };
      expect(aliases.aliases).toMatchObject([{ alias: 'production', modelId: resultModelId, setBy: 'test' }]);
    },
    MINUTE,
  );

  browserTest(
    'pauses, resumes and cancels a session, and compares two',
    async () => {
      const world = await startWorld();
      const { pool, repoId, url } = world;
      await world.join(3, 100);
      const first = await world.submit({ name: 'one', termination: { maxRounds: 2 } });
      await eventually(async () => (await world.view(first)).state === 'completed', { withinMs: 15_000 });
      const second = await world.submit({
        name: 'two',
        termination: { maxRounds: 1000 },
        update: { encoding: 'f16' },
      });
      const page = await pages.open();
      await signIn(page, url, await pool.token('owner', [repoId]));
      await goTo(page, url, `repos/${repoId}/sessions/${second}`);
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByText('paused', { exact: true }).waitFor();
      expect((await world.view(second)).pausedUntilMs).not.toBeNull();
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByText('running', { exact: true }).waitFor();
      await eventually(async () => (await world.view(second)).version >= 2, { withinMs: 15_000 });

      await page.getByRole('button', { name: 'Cancel session' }).click();
      const dialog = page.getByRole('dialog', { name: 'Cancel “two”?' });
      await dialog.waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Cancel session' }).click();
      await dialog.getByLabel('Reason').fill('wrong data set');
      await dialog.getByRole('button', { name: 'Cancel session' }).click();
      await page.getByText('cancelled', { exact: true }).waitFor();
      expect(await world.view(second)).toMatchObject({
        state: 'cancelled',
        reason: expect.stringContaining('wrong data set'),
      });
      expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(0);

      await page.getByRole('link', { name: 'Sessions' }).click();
      await page.getByRole('checkbox', { name: `Compare one, ${first}` }).check();
      await page.getByRole('checkbox', { name: `Compare two, ${second}` }).check();
      await page.getByRole('link', { name: 'Compare 2 sessions' }).click();
      await page.getByRole('img', { name: /^loss by version\. one: .*; two: / }).waitFor();
      const differences = page.getByRole('region', { name: 'Fields of the job' });
      const fields = await differences.getByRole('rowheader').allTextContents();
      expect(fields).toEqual(['termination.maxRounds', 'update.encoding']);
    },
    MINUTE,
  );

  browserTest(
    'sees refusals of the pool at the field, and only looks with role dashboard',
    async () => {
      const world = await startWorld();
      const { pool, repoId, url, modelId } = world;
      const session = await world.submit();
      const writer = await pages.open({ mayComplain: true });
      await signIn(writer, url, await pool.token('explora', [repoId]));
      await goTo(writer, url, `repos/${repoId}/submit`);
      await fillJob(writer, { modelId, rounds: 2 });
      await writer.getByText('Evaluation', { exact: false }).first().click();
      await writer.getByLabel('Test set').fill('nothing-like-it');
      await writer.getByRole('button', { name: 'Submit the job' }).click();
      await writer
        .getByRole('alert')
        .getByText(/nothing-like-it/)
        .waitFor();

      const reader = await pages.open({ mayComplain: true });
      await signIn(reader, url, await pool.token('dashboard', [repoId]));
      await goTo(reader, url, `repos/${repoId}/sessions/${session}`);
      for (const name of ['Pause', 'Cancel session'])
        expect(await reader.getByRole('button', { name }).count()).toBe(0);
      expect(await reader.getByRole('link', { name: 'Submit a job' }).count()).toBe(0);
      await goTo(reader, url, `repos/${repoId}/models`);
      expect(await reader.getByText('Promote').count()).toBe(0);
      await reader.goto(`${url}/#/repos/${repoId}/submit`);
      await reader.getByText('Your role only looks.').waitFor();
      await reader.goto(`${url}/#/repos/elsewhere`);
      await reader
        .getByRole('alert')
        .getByText(/needs a token for Repo "elsewhere"/)
        .waitFor();
      await reader.getByRole('button', { name: 'Sign out' }).click();
      await reader.getByLabel('Token').waitFor();
      expect(await reader.evaluate(() => sessionStorage.length)).toBe(0);
    },
    MINUTE,
  );

  browserTest(
    'goes on where it was when its gateway dies and another takes its place',
    async () => {
      const world = await startWorld();
      const { pool, repoId, url } = world;
      await world.join(3, 200);
      const sessionId = await world.submit({ termination: { maxRounds: 1000 } });
      const page = await pages.open({ mayComplain: true });
      await signIn(page, url, await pool.token('dashboard', [repoId]));
      await goTo(page, url, `repos/${repoId}/sessions/${sessionId}`);
      const events = page.getByRole('region', { name: 'Events, newest first' });
      const version = async (): Promise<number> =>
        Math.max(
          0,
          ...[...((await events.textContent()) ?? '').matchAll(/Version (\d+) published/g)].map(([, n]) =>
            Number(n),
          ),
        );
      await eventually(async () => (await version()) >= 2, { withinMs: 15_000 });
      const [gateway] = pool.gateways;
      await gateway!.kill9();
      await page.getByText('Reconnecting…').waitFor();
      const before = await version();
      await pool.replace(gateway!);
      await page.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
      await eventually(async () => (await version()) >= before + 3, { withinMs: 45_000 });
      // Nothing was missed, and nothing came twice.
      const published: number[] = [];
      await events.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      for (let at = 0; at < 40; at += 1) {
        const rows = await events.getByRole('listitem').allTextContents();
        for (const row of rows) {
          const n = Number(/Version (\d+) published/.exec(row)?.[1] ?? NaN);
          if (!Number.isNaN(n)) published.push(n);
        }
        if ((await events.evaluate((element) => element.scrollTop)) === 0) break;
        await events.evaluate((element) => element.scrollBy(0, -200));
        await page.evaluate(() => new Promise(requestAnimationFrame));
      }
      const seen = [...new Set(published)].sort((a, b) => a - b);
      expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i + 1));
      expect(seen.length).toBeGreaterThanOrEqual(before + 3);
    },
    120_000,
  );
});

async function firstSession({ pool, repoId }: World): Promise<string | undefined> {
  const answer = await pool.fetch(`/v1/repos/${repoId}/sessions?limit=1`);
  return ((await answer.json()) as { sessions: { sessionId: string }[] }).sessions[0]?.sessionId;
}
