/**
 * Loaded into a process that is measured (`node --expose-gc --import`): SIGUSR2 collects its garbage, and that of its
 * threads, which load this as well, so that what is left of its memory is what it needs; then it writes a line with its
 * live bytes. Nothing else about the process changes.
 */
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

/** Also gives pages that are empty then back to the system. */
const THOROUGH = { type: 'major', execution: 'sync', flavor: 'last-resort' };

/** A line of stdout of a measured process. */
export interface MemoryLine {
  readonly memory: { readonly pid: number; readonly liveBytes: number };
}

/** What the first collection set free by finalizers is garbage for a second one. */
const AGAIN_MS = 300;

const { gc } = globalThis as { gc?: (options?: object) => void };
const threads = new BroadcastChannel('collect-garbage');
threads.onmessage = () => gc?.(THOROUGH);
threads.unref();
if (isMainThread)
  process.on('SIGUSR2', () => {
    gc?.(THOROUGH);
    threads.postMessage(null);
    setTimeout(() => {
      gc?.();
      const { heapUsed, external } = process.memoryUsage();
      const line: MemoryLine = { memory: { pid: process.pid, liveBytes: heapUsed + external } };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }, AGAIN_MS);
  });
