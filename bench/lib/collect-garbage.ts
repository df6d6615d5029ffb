/**
 * Loaded into a process that is measured (`node --expose-gc --import`): SIGUSR2 collects its garbage, and that of its
 * threads, which load this as well, so that what is left of its memory is what it needs. Nothing else about the process
 * changes.
 */
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

const { gc } = globalThis as { gc?: () => void };
const threads = new BroadcastChannel('collect-garbage');
threads.onmessage = () => gc?.();
threads.unref();
if (isMainThread)
  process.on('SIGUSR2', () => {
    gc?.();
    threads.postMessage(null);
  });
