/**
 * Loaded into a process that is measured (`node --import`): SIGUSR2 collects its garbage, and that of its threads, which
 * load this as well, so that what is left of its memory is what it needs; then it writes a line with its live bytes.
 * Nothing else about the process changes.
 */
import { Session } from 'node:inspector/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import workerThreads, {
  BroadcastChannel,
  isMainThread,
  Worker,
  type WorkerOptions,
} from 'node:worker_threads';

/** A line of stdout of a measured process. */
export interface MemoryLine {
  readonly memory: { readonly pid: number; readonly liveBytes: number };
}

/** What the first collection set free by finalizers is garbage for a second one. */
const AGAIN_MS = 300;

/** All of it, as when memory runs out: `gc()` leaves what V8 may use again, such as old hidden classes and code. */
async function collect(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}

const threads = new BroadcastChannel('collect-garbage');
threads.onmessage = () => void collect();
threads.unref();

/** A thread inherits what its process was started with only if it is given no `execArgv` of its own. */
class MeasuredThread extends Worker {
  constructor(file: string | URL, options: WorkerOptions = {}) {
    const { execArgv } = options;
    super(file, execArgv ? { ...options, execArgv: [...execArgv, '--import', import.meta.url] } : options);
  }
}

async function collectAndSay(): Promise<void> {
  threads.postMessage(null);
  await collect();
  await sleep(AGAIN_MS);
  await collect();
  const { heapUsed, external } = process.memoryUsage();
  const line: MemoryLine = { memory: { pid: process.pid, liveBytes: heapUsed + external } };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

if (isMainThread) {
  workerThreads.Worker = MeasuredThread;
  syncBuiltinESMExports();
  process.on('SIGUSR2', () => void collectAndSay());
}
