/**
 * Samples a second in training, for the two networks of McMahan 2017 and one of depthwise convolutions, on each backend
 * of TensorFlow.js that is here: in Node (plain JavaScript, WebAssembly, the native library if it is installed) and in
 * headless Chromium (WebAssembly, WebGL, WebGPU). Graphics are in software where there is no card, so those two say that
 * it works and little else.
 *
 * One JSON line a network and backend. `ratio` is to plain JavaScript in Node, measured in the same run.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import * as core from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as tfLayers from '@tensorflow/tfjs-layers';
import { startSite } from '../examples/browser/site.js';
import { useNativeBackend, useWasmBackend } from '../src/library/tf-backend-node.js';
import { numberOptions, printCase, progress } from './lib/options.js';
import { roundTo } from './lib/statistics.js';
import { samplesPerSecond, type Network } from './backends/samples.js';
import { openBrowser } from './backends/chromium.js';

const NETWORKS: readonly Network[] = ['2nn', 'cnn', 'depthwise'];

export async function run(argv: readonly string[]): Promise<void> {
  const { seconds, batchSize } = numberOptions(argv, { seconds: 5, batchSize: 10 });
  const tf = { ...core, ...tfLayers };
  const plain = new Map<Network, number>();
  const show = (network: Network, where: string, backend: string, perSecond: number): void => {
    const ratio = roundTo(perSecond / (plain.get(network) ?? perSecond), 1);
    printCase({
      case: 'backends',
      network,
      where,
      backend,
      batchSize,
      samplesPerSecond: roundTo(perSecond, 1),
      ratio,
    });
  };
  for (const network of NETWORKS) {
    await core.setBackend('cpu');
    const perSecond = await samplesPerSecond({ tf, network, batchSize, seconds });
    plain.set(network, perSecond);
    show(network, 'node', 'cpu', perSecond);
  }
  for (const use of [useWasmBackend, useNativeBackend]) {
    const backend = await use().catch(() => null);
    if (backend === null) progress(`${use.name}: it is not here.`);
    for (const network of backend === null ? [] : NETWORKS) {
      show(network, 'node', backend ?? '', await samplesPerSecond({ tf, network, batchSize, seconds }));
    }
  }

  const root = process.cwd();
  if (!existsSync(path.join(root, 'dist/library'))) return;
  const site = await startSite({
    root,
    extra: { '/': () => ({ type: 'text/html', body: '<!doctype html>' }) },
  });
  const browser = await openBrowser();
  try {
    if (browser === null) return void progress('There is no Chromium here: CHROMIUM_BIN names one.');
    for (const backend of ['wasm', 'webgl', 'webgpu']) {
      for (const network of NETWORKS) {
        const page = await browser.page(site.url, backend).catch((error: Error) => error);
        const result =
          page instanceof Error
            ? page
            : await page.measure({ network, batchSize, seconds }).catch((error: Error) => error);
        if (result instanceof Error) progress(`${backend}: ${result.message.split('\n')[0]}`);
        else show(network, 'chromium', backend, result);
        if (!(page instanceof Error)) await page.close().catch(() => {});
      }
    }
  } finally {
    await browser?.close();
    site.close();
  }
}
