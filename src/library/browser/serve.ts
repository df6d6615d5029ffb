import type { BackendLoaders } from './backend.js';
import { LibraryHost } from './host.js';
import type { ToWorker } from './messages.js';

export type { BackendChoice, BackendLoaders, Probe } from './backend.js';

/**
 * The whole of a worker: takes the messages of a `BrowserLibrary`.
 *
 * ```ts
 * import { serveLibrary } from 'cloud-node-library/worker';
 *
 * serveLibrary({
 *   webgpu: () => import('@tensorflow/tfjs-backend-webgpu'),
 *   wasm: () => import('@tensorflow/tfjs-backend-wasm').then((wasm) => wasm.setWasmPaths('/wasm/')),
 *   cpu: () => import('@tensorflow/tfjs-backend-cpu'),
 * });
 * ```
 */
export function serveLibrary(backends: BackendLoaders): void {
  const host = new LibraryHost({ send: (message) => postMessage(message), backends: () => backends });
  addEventListener('message', ({ data }: MessageEvent<ToWorker>) => host.receive(data));
}
