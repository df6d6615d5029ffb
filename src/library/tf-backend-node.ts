import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { completeWasmBackend } from './wasm/complete.js';

/** Where TensorFlow.js computes, fastest first. */
export type NodeBackend = 'tensorflow' | 'wasm' | 'cpu';

let chosen: Promise<NodeBackend> | undefined;

/**
 * Makes TensorFlow.js ready in Node with the fastest backend that works here: the native library when
 * `@tensorflow/tfjs-node` is installed, else WebAssembly, else plain JavaScript. Give it to a Library as `tf`, or await
 * it before any other use of TensorFlow.js. Later calls return the first choice.
 *
 * The native library uses all cores for one process, WebAssembly is held to one thread: Libraries usually share a
 * machine with others, and threads would also keep a process from ending.
 */
export function useBestNodeBackend(): Promise<NodeBackend> {
  chosen ??= choose();
  return chosen;
}

async function choose(): Promise<NodeBackend> {
  for (const use of [useNativeBackend, useWasmBackend]) {
    const backend = await use().catch(() => null);
    if (backend !== null) return backend;
  }
  await import('@tensorflow/tfjs-backend-cpu');
  await activate('cpu');
  return 'cpu';
}

/** Makes TensorFlow.js ready with the native library; null where another copy of TensorFlow.js has it. @throws where it is absent */
export async function useNativeBackend(): Promise<'tensorflow' | null> {
  // Optional: it is absent wherever its native library could not be downloaded, so the name is not a literal for tsc.
  const name = '@tensorflow/tfjs-node';
  await import(name);
  // It registers itself with the tfjs-core that it resolves; with another copy the backend would be missing here.
  return tf.findBackendFactory('tensorflow') !== null && (await activate('tensorflow')) ? 'tensorflow' : null;
}

/** Makes TensorFlow.js ready with WebAssembly, even where something faster would work; null where it does not work. */
export async function useWasmBackend(): Promise<'wasm' | null> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(dirname(main) + sep);
  wasm.setThreadsCount(1);
  if (!(await activate('wasm'))) return null;
  completeWasmBackend();
  return 'wasm';
}

async function activate(backend: NodeBackend): Promise<boolean> {
  const works = await tf.setBackend(backend);
  await tf.ready();
  return works && tf.getBackend() === backend;
}
