import { setTimeout as sleep } from 'node:timers/promises';
import { describeEnding, startChild, type Child, type ChildCommand, type Ending } from './child.js';

/** One place in the pool, whoever fills it at the moment: a process that died is replaced. */
export interface Supervised {
  /** `gateway-1`. */
  readonly name: string;
  readonly role: string;
  readonly pid: number;
  readonly state: 'starting' | 'ready' | 'down' | 'stopped';
  readonly restarts: number;
  /** Where it answers, for a gateway that is or was ready. */
  readonly url: string | null;
  /** Waits until whoever fills the place is ready, also after a restart. */
  whenReady(withinMs?: number): Promise<void>;
  /** Sends a signal: to test crashes. What dies of it is started again. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL to one that does not end in time; it is not started again. */
  stop(withinMs: number): Promise<void>;
  /** Starts a process in a place that was stopped. */
  start(): Promise<void>;
}

export interface SupervisedOptions {
  readonly name: string;
  readonly role: string;
  readonly command: ChildCommand;
  /** It died without being asked to; it is started again after `inMs`. */
  readonly onDeath?: (child: Supervised, how: string, inMs: number) => void;
  /** It is ready again after that. */
  readonly onRestart?: (child: Supervised) => void;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;
/** Whoever ran for so long had a good start: the next wait is short again. */
const GOOD_RUN_MS = 20_000;
const READY_WITHIN_MS = 60_000;

/** Starts a process and keeps its place filled until it is stopped. */
export function supervise(options: SupervisedOptions): Supervised {
  const { name, role, command, onDeath, onRestart } = options;
  let child: Child;
  let state: Supervised['state'] = 'stopped';
  let restarts = 0;
  let failures = 0;
  let url: string | null = null;
  let waiting = new AbortController();

  const launch = (): void => {
    const startedMs = performance.now();
    const mine = startChild(command);
    child = mine;
    state = 'starting';
    mine.ready.then(
      (line) => {
        if (child !== mine || state !== 'starting') return;
        state = 'ready';
        url = line.url ?? url;
        if (restarts > 0) onRestart?.(self);
      },
      () => undefined,
    );
    void mine.ended.then((ending) => replace(ending, performance.now() - startedMs));
  };
  const replace = async (ending: Ending, ranMs: number): Promise<void> => {
    if (state === 'stopped') return;
    state = 'down';
    failures = ranMs > GOOD_RUN_MS ? 0 : failures + 1;
    const inMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1));
    onDeath?.(self, describeEnding(ending), inMs);
    const stopped = await sleep(inMs, false, { signal: waiting.signal }).catch(() => true);
    if (stopped) return;
    restarts += 1;
    launch();
  };

  const self: Supervised = {
    name,
    role,
    get pid() {
      return child.pid;
    },
    get state() {
      return state;
    },
    get restarts() {
      return restarts;
    },
    get url() {
      return url;
    },
    async whenReady(withinMs = READY_WITHIN_MS) {
      const deadlineMs = performance.now() + withinMs;
      // The very first start must work: what is wrong with the configuration stays wrong.
      if (restarts === 0 && state === 'starting') await inTime(child.ready, name, withinMs);
      while (state !== 'ready') {
        if (state === 'stopped') throw new Error(`${name} was stopped.`);
        if (performance.now() > deadlineMs) throw new Error(`${name} was not ready within ${withinMs} ms.`);
        await sleep(20);
      }
    },
    kill: (signal) => child.kill(signal),
    async stop(withinMs) {
      if (state === 'stopped') return;
      const wasDown = state === 'down';
      state = 'stopped';
      waiting.abort();
      if (wasDown) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      await child.ended.finally(() => clearTimeout(timer));
    },
    async start() {
      if (state !== 'stopped') return;
      waiting = new AbortController();
      launch();
      await self.whenReady();
    },
  };
  launch();
  return self;
}

async function inTime(ready: Promise<unknown>, name: string, withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`was not ready within ${withinMs} ms`)), withinMs);
  });
  try {
    await Promise.race([ready, late]);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
