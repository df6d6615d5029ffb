import path from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { samplesPerSecond, type Measurement, type Tf } from './samples.js';

export interface BenchBrowser {
  /** A page with TensorFlow.js on that backend. */
  page(site: string, backend: string): Promise<BenchPage>;
  close(): Promise<void>;
}

export interface BenchPage {
  /** @throws Error when the backend does not work here */
  measure(measurement: Measurement): Promise<number>;
  close(): Promise<void>;
}

const ARGS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

/** Headless Chromium with graphics in software; null where there is no Chromium. */
export async function openBrowser(): Promise<BenchBrowser | null> {
  const root = process.cwd();
  const finder = path.join(root, 'scripts/lib/chromium-binary.mjs');
  const { findChromium } = (await import(finder)) as { findChromium: () => string | null };
  const executablePath = findChromium();
  if (executablePath === null) return null;
  const completion = await wasmCompletion(root);
  const browser = await chromium.launch({ executablePath, args: ARGS });
  return {
    close: () => browser.close(),
    page: async (site, backend) => {
      const page = await browser.newPage();
      await page.goto(site);
      for (const name of ['core', 'layers', `backend-${backend}`]) {
        await page.addScriptTag({ url: `/tf/tf-${name}.min.js` });
      }
      if (backend === 'wasm') await page.addScriptTag({ content: completion });
      await page.evaluate(async (name) => {
        const scope = globalThis as unknown as {
          tf: Tf & { wasm?: { setWasmPaths(path: string): void } };
          completion?: { completeWasmBackend(): void };
        };
        scope.tf.wasm?.setWasmPaths('/tf/');
        scope.completion?.completeWasmBackend();
        if (!(await scope.tf.setBackend(name))) throw new Error('It did not start.');
        await scope.tf.ready();
      }, backend);
      return {
        close: () => page.close(),
        measure: (measurement) =>
          page.evaluate(`(${samplesPerSecond.toString()})({ tf, ...${JSON.stringify(measurement)} })`),
      };
    },
  };
}

/** The kernels that the WebAssembly backend lacks, for a page whose TensorFlow.js is a global. */
async function wasmCompletion(root: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, 'dist/src/library/wasm/complete.js')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'completion',
    plugins: [
      {
        name: 'tensorflow-as-global',
        setup: (plugin) => {
          plugin.onResolve({ filter: /^@tensorflow\// }, ({ path: name }) => ({
            path: name,
            namespace: 'tf',
          }));
          plugin.onLoad({ filter: /.*/, namespace: 'tf' }, () => ({
            contents: 'module.exports = globalThis.tf;',
          }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? '';
}
