import { afterAll, afterEach, beforeAll, test } from '@jest/globals';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core';
// @ts-expect-error a plain script
import { findChromium } from '../../scripts/lib/chromium-binary.mjs';
import { startSite, type Site, type SiteOptions } from '../../examples/browser/site.js';

const binary = (findChromium as () => string | null)();
if (binary === null) console.log('Nothing is tested in a browser: there is no Chromium (CHROMIUM_BIN).');

/** A test that needs a browser; skipped where there is none, which CI does not allow. */
export const browserTest = binary === null ? test.skip : test;

/** So that it runs as root, and in a small container. */
const ARGS = ['--no-sandbox', '--disable-dev-shm-usage'];

export interface Browsing {
  /** A browser profile of its own: another device. */
  device(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** Closes a site after the test. @returns its address */
  keep(site: Site): string;
  /** Serves the built Library until the test is over. @returns its address */
  site(options?: Pick<SiteOptions, 'extra'>): Promise<string>;
}

/** One Chromium for the tests of a file. */
export function useChromium(args: readonly string[] = []): Browsing {
  let browser: Browser | null = null;
  const open: (() => unknown)[] = [];
  beforeAll(async () => {
    if (binary !== null)
      browser = await chromium.launch({ executablePath: binary, args: [...ARGS, ...args] });
  }, 60_000);
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await browser?.close();
  });
  const keep = (site: Site): string => {
    open.push(() => site.close());
    return site.url;
  };
  return {
    device: async (options) => {
      if (browser === null) throw new Error('There is no Chromium.');
      const context = await browser.newContext(options);
      open.push(() => context.close());
      return context;
    },
    keep,
    site: async ({ extra = {} } = {}) => keep(await startSite({ root: process.cwd(), extra })),
  };
}
