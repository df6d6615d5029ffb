import { createRequire } from 'node:module';
import { afterEach, expect } from '@jest/globals';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { useChromium } from '../helpers/chromium.js';

export const DESKTOP = { width: 1240, height: 860 };
export const PHONE = { width: 390, height: 844 };
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export interface Pages {
  /** A new tab in a profile of its own; what it complained of must be nothing at the end of the test. */
  open(options?: BrowserContextOptions & { readonly mayComplain?: boolean }): Promise<Page>;
}

/** One Chromium for the tests of a file. */
export function usePages(): Pages {
  const chromium = useChromium();
  const complaints: string[] = [];
  afterEach(() => expect(complaints.splice(0)).toEqual([]));
  return {
    open: async ({ mayComplain = false, ...options } = {}) => {
      const context = await chromium.device({ viewport: DESKTOP, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      page.on('request', (request) => {
        const { hostname, protocol } = new URL(request.url());
        if (/^(http|ws)s?:$/.test(protocol) && hostname !== '127.0.0.1')
          complaints.push(`asks ${request.url()}`);
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // A pool that is gone at the end of a test is no fault of the page.
        const isFault = message.type() === 'error' && !message.text().includes('net::ERR_');
        if (!mayComplain && isFault) complaints.push(message.text());
      });
      return page;
    },
  };
}

/** Signs in as a person does. */
export async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(`${url}/`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Pool' }).waitFor();
}

/** Opens a page of the Dashboard and waits for what it shows. */
export async function goTo(page: Page, url: string, hash: string): Promise<void> {
  await page.goto(`${url}/#/${hash}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByText('Loading…').waitFor({ state: 'detached' });
}

interface AxeResult {
  readonly violations: readonly {
    id: string;
    help: string;
    nodes: readonly { html: string; failureSummary?: string }[];
  }[];
}

/** What axe finds wrong: WCAG 2.2 A and AA with the size of targets, and best practices; or by some rules only. */
export async function axe(page: Page, only?: readonly string[]): Promise<string[]> {
  // Through the debugger, not as a script element: the page's policy stays as it is.
  const { readFile } = await import('node:fs/promises');
  await page.evaluate(await readFile(AXE, 'utf8'));
  const result = await page.evaluate(
    (options) =>
      (globalThis as unknown as { axe: { run(options: object): Promise<unknown> } }).axe.run(options),
    only === undefined ? { rules: { 'target-size': { enabled: true } } } : { runOnly: [...only] },
  );
  return (result as AxeResult).violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes
        .slice(0, 3)
        .map((node) => `${node.html} ${node.failureSummary ?? ''}`)
        .join(' | ')}`,
  );
}

/** By how many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
