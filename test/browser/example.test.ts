import { expect } from '@jest/globals';
import { serveExample, submitExample } from '../../examples/browser/main.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { browserTest, useChromium } from '../helpers/chromium.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';

const browsing = useChromium(['--use-angle=swiftshader', '--enable-unsafe-swiftshader']);

browserTest(
  'the example asks first, learns, and says what left the device',
  async () => {
    const key = newPoolKey();
    const poolKey = key.publicKey;
    const pool = await startPool({ env: { CORS_ORIGINS: '*', POOL_KEY: poolKeyPem(key) } });
    const { repoId, apiKey } = await pool.repo();
    const url = pool.gateways[0]?.url ?? '';
    const site = browsing.keep(await serveExample({ poolUrl: url, apiKey, poolKey, root: process.cwd() }));
    const token = await pool.token('explora', [repoId]);
    await submitExample({ url, token, repoId, poolKey, rounds: 12 });

    const device = await browsing.device();
    const page = await device.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(site);
    const shots = process.env['SCREENSHOTS'];
    await page.click('#switch:enabled');
    await page.waitForSelector('#consent[open]');
    if (shots !== undefined) await page.screenshot({ path: `${shots}/consent.png` });
    await page.click('#consent button[value=no]');
    expect(await page.textContent('#state')).toBe('Off');
    await page.click('#switch');
    await page.click('#consent button[value=yes]');
    await eventually(async () => Number(await page.textContent('#updates')) >= 8, { withinMs: 90_000 });
    expect(await page.textContent('#told')).toBe('600');
    expect(await page.textContent('#bytes')).toMatch(/KiB|MiB/);
    if (shots !== undefined) {
      await page.screenshot({ path: `${shots}/light.png`, fullPage: true });
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.screenshot({ path: `${shots}/dark.png`, fullPage: true });
      await page.setViewportSize({ width: 390, height: 844 });
      await page.screenshot({ path: `${shots}/phone.png`, fullPage: true });
    }
    await page.click('#switch');
    await eventually(async () => (await page.textContent('#state')) === 'Off');
    expect(problems).toEqual([]);
  },
  150_000,
);
