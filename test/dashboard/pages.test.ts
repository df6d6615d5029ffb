import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { eventually } from '../helpers/eventually.js';
import { browserTest } from '../helpers/chromium.js';
import { axe, DESKTOP, goTo, overflow, PHONE, signIn, usePages } from './page.js';
import { startWorld } from './world.js';

const pages = usePages();
const NARROW = [320, 360, PHONE.width, 768, DESKTOP.width];
/** What has to be sent before the page can be used, packed. */
const MAX_PACKED_BYTES = 100 * 1024;

browserTest(
  'every page is accessible, fits every width, and can be used by keyboard, light and dark',
  async () => {
    const world = await startWorld();
    const { pool, repoId, url, explora } = world;
    await world.join(4, 100);
    await explora.uploadTestSet('default', {
      numExamples: 1,
      inputs: new Float32Array(10),
      inputShape: [10],
      labels: new Float32Array(10),
      labelShape: [10],
    });
    const over = await world.submit({ name: 'over', termination: { maxRounds: 3 } });
    await eventually(async () => (await world.view(over)).state === 'completed', { withinMs: 15_000 });
    const running = await world.submit({
      name: 'running',
      termination: { maxRounds: 1000 },
      deadlines: { roundMs: 60_000 },
    });
    await eventually(async () => (await world.view(running)).version >= 2, { withinMs: 15_000 });
    const token = await pool.token('admin');
    const all = [
      'pool',
      'repos',
      `repos/${repoId}`,
      `repos/${repoId}/sessions`,
      `repos/${repoId}/sessions/${running}`,
      `repos/${repoId}/sessions/${over}`,
      `repos/${repoId}/compare?ids=${over},${running}`,
      `repos/${repoId}/models`,
      `repos/${repoId}/submit`,
      'nowhere',
    ];
    const faults: string[] = [];
    const titles = new Set<string>();
    const page = await pages.open({ reducedMotion: 'reduce' });
    const check = async (name: string): Promise<void> => {
      const say = (fault: string): number => faults.push(`${name}: ${fault}`);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        // The second time only what depends on colours.
        const found = await axe(page, colorScheme === 'light' ? undefined : ['color-contrast']);
        for (const fault of found) say(`${colorScheme}: ${fault}`);
      }
      for (const width of NARROW) {
        await page.setViewportSize({ width, height: 800 });
        if ((await overflow(page)) !== 0) say(`is wider than its window of ${width}`);
        if (width === PHONE.width)
          for (const target of await smallTargets(page)) say(`hard to hit: ${target}`);
      }
      for (const mover of await movers(page)) say(`moves: ${mover}`);
      for (const fault of await documentFaults(page)) say(fault);
    };
    await page.goto(`${url}/`);
    await page.getByLabel('Token').waitFor();
    await check('sign-in');
    await signIn(page, url, token);
    for (const hash of all) {
      if (hash === 'nowhere') await page.goto(`${url}/#/nowhere`);
      else await goTo(page, url, hash);
      // The page before is still there for a moment.
      const before = [...titles].at(-1) ?? '';
      await page.waitForFunction((title) => document.title !== title, before);
      await page.getByText('Loading…').waitFor({ state: 'detached' });
      titles.add(await page.title());
      for (const summary of await page.locator('details:not(.menu) > summary').all()) await summary.click();
      const menus = await page.locator('details.menu > summary').all();
      await menus.at(-1)?.click();
      await check(hash);
      for (const fault of await keyboardFaults(page)) faults.push(`${hash}: ${fault}`);
    }
    expect(faults).toEqual([]);
    // Tabs and the history of a browser can be told apart.
    expect(titles.size).toBe(all.length);
  },
  180_000,
);

browserTest(
  'with nothing but a keyboard one gets to a value in a chart, and out of what has opened',
  async () => {
    const world = await startWorld();
    const { pool, repoId, url } = world;
    await world.join(3, 100);
    const over = await world.submit({ name: 'over', termination: { maxRounds: 3 } });
    await eventually(async () => (await world.view(over)).state === 'completed', { withinMs: 15_000 });
    const page = await pages.open();
    await signIn(page, url, await pool.token('admin'));
    const focused = (): Promise<string> =>
      page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const tabTo = async (text: string): Promise<void> => {
      for (let i = 0; i < 40 && (await focused()) !== text; i += 1) await page.keyboard.press('Tab');
      expect(await focused()).toBe(text);
      await page.keyboard.press('Enter');
    };
    for (const link of ['Repos', repoId, 'Sessions', 'over']) {
      await tabTo(link);
      // The focus goes along to the new page.
      await page.waitForFunction(() => document.activeElement?.id === 'main');
    }
    const chart = page.getByRole('img', { name: /^loss by version/ });
    await chart.focus();
    await page.keyboard.press('Home');
    await page.locator('.chart').first().getByText('version 1', { exact: true }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.locator('.chart').first().getByText('version 2', { exact: true }).waitFor();

    await goTo(page, url, `repos/${repoId}/models`);
    await tabTo('Promote');
    await page.locator('details[open]').getByLabel('Name').focus();
    await page.keyboard.press('Escape');
    expect([await focused(), await page.locator('details[open]').count()]).toEqual(['Promote', 0]);
  },
  60_000,
);

browserTest('what is sent before the page can be used is small', () => {
  const folder = 'dist/dashboard/assets/';
  const sizes = readdirSync(folder).map((name) => ({
    name,
    bytes: gzipSync(readFileSync(folder + name)).length,
  }));
  const bytes = sizes.reduce((sum, one) => sum + one.bytes, 0);
  expect([sizes, bytes <= MAX_PACKED_BYTES]).toEqual([sizes, true]);
});

/** What must be as large as WCAG 2.2 wants a target to be (24 px), but for links within a text. */
function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const all = [...document.querySelectorAll('a, button, summary, input, select, textarea')];
    return all
      .filter((element) => {
        // A label around a box is hit as well as the box.
        const { width, height } = (element.closest('label') ?? element).getBoundingClientRect();
        const isThere = element.checkVisibility({ visibilityProperty: true }) && width > 2;
        const isInText = getComputedStyle(element).display === 'inline';
        return isThere && !isInText && (width < 24 || height < 24);
      })
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

/** What moves by itself although less of that was asked for. */
function movers(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const lasts = (text: string): boolean => text.split(',').some((part) => parseFloat(part) > 0);
    return [...document.querySelectorAll('*')]
      .filter((element) => {
        const { transitionDuration, animationDuration, animationName } = getComputedStyle(element);
        return lasts(transitionDuration) || (animationName !== 'none' && lasts(animationDuration));
      })
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

function documentFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const viewport = document.querySelector<HTMLMetaElement>('meta[name=viewport]')?.content ?? '';
    return [
      ...(document.doctype?.name === 'html' ? [] : ['no doctype']),
      ...(document.documentElement.lang === 'en' ? [] : ['no language']),
      ...(document.characterSet === 'UTF-8' ? [] : ['no character set']),
      ...(document.title.length > 3 ? [] : ['no title']),
      ...(document.querySelector<HTMLMetaElement>('meta[name=description]')?.content
        ? []
        : ['no description']),
      // People may zoom.
      ...(/width=device-width/.test(viewport) && !/user-scalable|maximum-scale/.test(viewport)
        ? []
        : [`viewport ${viewport}`]),
      ...(document.querySelectorAll('h1').length === 1 ? [] : ['not one main heading']),
    ];
  });
}

/** Goes through the page with the tab key: what it does not come to, and where one could not see that one is there. */
async function keyboardFaults(page: Page): Promise<string[]> {
  const names = await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    window.getSelection()?.removeAllRanges();
    const all = document.querySelectorAll<HTMLElement>(
      'a[href], button, summary, input, select, textarea, [tabindex]',
    );
    const wanted = [...all].filter(
      (element) =>
        element.checkVisibility({ visibilityProperty: true }) &&
        element.tabIndex >= 0 &&
        !(element as HTMLButtonElement).disabled,
    );
    wanted.forEach((element, i) => element.setAttribute('data-tab', String(i)));
    return wanted.map((element) => element.outerHTML.slice(0, 120));
  });
  const missed = new Set(names.keys());
  const faults: string[] = [];
  for (let i = 0; i < names.length + 20 && missed.size > 0; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const isSeen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      return { index: Number(element.getAttribute('data-tab') ?? -1), isSeen };
    });
    if (at === null || at.index < 0) continue;
    if (missed.delete(at.index) && !at.isSeen) faults.push(`focus is not seen: ${names[at.index] ?? ''}`);
  }
  return [...faults, ...[...missed].map((i) => `not reached by tab: ${names[i] ?? ''}`)];
}
