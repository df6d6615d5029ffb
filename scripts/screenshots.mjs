#!/usr/bin/env node
/**
 * Pictures of the Dashboard for the README, from a real pool whose Libraries really train.
 *
 *   npm run screenshots                    docs/images/*.png
 *   npm run screenshots -- --all --out x   every page, light, dark and at phone width, into x
 *
 * With pngquant (a package of Debian) installed, a picture has a palette, and a third of the bytes.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build, isBuilt } from './build.mjs';
import { findChromium } from './lib/chromium-binary.mjs';
import { startTraining } from './lib/training-pool.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const DESKTOP = { width: 1240, height: 860 };
const PHONE = { width: 390, height: 844 };
const KEPT = ['session', 'pool-dark', 'compare', 'models'];

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    out: { type: 'string', default: path.join(root, 'docs/images') },
  },
});
const executablePath = findChromium();
if (executablePath === null) {
  console.error('No Chromium was found: install one, or name it with CHROMIUM_BIN.');
  process.exit(1);
}
if (!isBuilt()) build();
mkdirSync(values.out, { recursive: true });

const world = await startTraining();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  await world.waitForRound(9);
  const repo = `repos/${world.repoId}`;
  const pages = {
    pool: 'pool',
    session: `${repo}/sessions/${world.running}`,
    repo,
    sessions: `${repo}/sessions`,
    compare: `${repo}/compare?ids=${world.finished.join(',')}`,
    models: `${repo}/models`,
    submit: `${repo}/submit`,
    repos: 'repos',
  };
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [DESKTOP, PHONE]) {
      const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1 });
      const page = await context.newPage();
      await page.goto(`${world.url}/`);
      if (values.all) await shoot(page, name('sign-in', colorScheme, viewport));
      await page.getByLabel('Token').fill(world.token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { level: 1 }).waitFor();
      for (const [key, hash] of Object.entries(pages)) {
        const file = name(key, colorScheme, viewport);
        if (!values.all && !KEPT.includes(file)) continue;
        await page.goto(`${world.url}/#/${hash}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        // The first answers, and a moment with a round that is open.
        await sleep(1_200);
        if (key === 'session') await page.locator('.round-bar').waitFor();
        await shoot(page, file, values.all);
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await world.close();
}

function name(page, colorScheme, viewport) {
  return `${page}${colorScheme === 'dark' ? '-dark' : ''}${viewport === PHONE ? '-phone' : ''}`;
}

async function shoot(page, name, fullPage = false) {
  const file = path.join(values.out, `${name}.png`);
  await page.screenshot({ path: file, fullPage });
  spawnSync('pngquant', ['--nofs', '--speed', '1', '--strip', '--force', '--output', file, '256', file]);
  console.log(`${path.relative(root, file)}  ${Math.round(statSync(file).size / 1024)} KiB`);
}
