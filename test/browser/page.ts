import type { Page } from 'playwright-core';
import type { BrowserLibrary, BrowserRound } from '../../src/library/browser/index.js';
import type { SiteOptions } from '../../examples/browser/site.js';

/** What the page of these tests has in its window. */
interface TestWindow {
  cloudNodeLibrary: { BrowserLibrary: typeof BrowserLibrary };
  /** Of a page that was bundled from modules. */
  moduleWorker?: () => Worker;
  library: BrowserLibrary;
  rounds: BrowserRound[];
  problems: string[];
  longestGapMs: number;
}

export interface JoinOptions {
  readonly url: readonly string[];
  readonly apiKey: string;
  /** To pin; none: whoever answers is the pool. */
  readonly poolKey?: string;
  /** One of the pages that `dataPages` made; none: what is kept already. */
  readonly data?: { readonly path: string; readonly inputShape: number[]; readonly labels: number };
  readonly without?: readonly string[];
}

const HTML = `<!doctype html><title>A page</title><script src="/library/cloud-node-library.js"></script>`;

/** The page, and data as bytes: all inputs, then all labels, f32. */
export function testPages(data: Readonly<Record<string, () => Float32Array>>): SiteOptions['extra'] & object {
  const pages = Object.entries(data).map(([path, values]) => {
    const body = (): Uint8Array => new Uint8Array(values().buffer as ArrayBuffer);
    return [path, () => ({ type: 'application/octet-stream', body: body() })] as const;
  });
  return { ...Object.fromEntries(pages), '/test.html': () => ({ type: 'text/html', body: HTML }) };
}

/** Makes the Library of a page, with its data if it is told to, and starts it; or lets it go on by itself. */
export async function join(page: Page, options: JoinOptions): Promise<void> {
  await page.evaluate(async ({ url, apiKey, poolKey, data, without = [] }) => {
    const w = window as unknown as TestWindow;
    const library = new w.cloudNodeLibrary.BrowserLibrary({
      url,
      apiKey,
      ...(poolKey === undefined ? {} : { poolKey }),
      without,
      worker: w.moduleWorker ?? (() => new Worker('/library/cloud-node-library.worker.js')),
      tfScripts: ['core', 'layers', 'backend-wasm', 'backend-cpu'].map((name) => `/tf/tf-${name}.min.js`),
      wasmPath: '/tf/',
    });
    Object.assign(w, { library, rounds: [], problems: [], longestGapMs: 0 });
    library.on('round', (round) => w.rounds.push(round));
    library.on('error', (error) => w.problems.push(error.message));
    let lastMs = performance.now();
    const frame = (nowMs: number): void => {
      w.longestGapMs = Math.max(w.longestGapMs, nowMs - lastMs);
      lastMs = nowMs;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    if (data === undefined) {
      await library.resume();
      return;
    }
    const values = new Float32Array(await (await fetch(data.path)).arrayBuffer());
    const inputSize = data.inputShape.reduce((a, b) => a * b, 1);
    const count = values.length / (inputSize + data.labels);
    await library.addData('data', {
      inputs: values.slice(0, count * inputSize),
      inputShape: data.inputShape,
      labels: values.slice(count * inputSize),
      labelShape: [data.labels],
    });
    await library.start('For a test.');
  }, options);
}

export const stateOf = (page: Page): Promise<string> =>
  page.evaluate(() => (window as unknown as TestWindow).library.state);
export const roundsOf = (page: Page): Promise<BrowserRound[]> =>
  page.evaluate(() => (window as unknown as TestWindow).rounds);
export const problemsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as TestWindow).problems);
export const longestGapMs = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as TestWindow).longestGapMs);
