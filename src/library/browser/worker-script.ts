/**
 * The worker of the script-tag bundle. TensorFlow.js comes as scripts that the page names: all of them, or only the
 * backends that are wanted. Everything here that needs it is loaded after them.
 */
import { LibraryHost } from './host.js';
import type { HostOptions, ToWorker } from './messages.js';

interface Scope {
  importScripts(...urls: string[]): void;
  tf: {
    readonly wasm?: { setWasmPaths(path: string): void };
    findBackendFactory(name: string): unknown;
  };
}
const scope = globalThis as unknown as Scope;
const NAMES = ['webgpu', 'webgl', 'wasm', 'cpu'];

const host = new LibraryHost({
  send: (message) => postMessage(message),
  prepare: ({ tfScripts, wasmPath }: HostOptions) => {
    scope.importScripts(...tfScripts);
    if (wasmPath !== null) scope.tf.wasm?.setWasmPaths(wasmPath);
  },
  backends: () => {
    const there = NAMES.filter((name) => scope.tf.findBackendFactory(name) !== null);
    return Object.fromEntries(there.map((name) => [name, async () => {}]));
  },
});
addEventListener('message', ({ data }: MessageEvent<ToWorker>) => host.receive(data));
