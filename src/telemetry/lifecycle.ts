import { EventEmitter, once } from 'node:events';
import { constants } from 'node:os';
import { symbols } from 'pino';
import type { Logger } from './logger.js';

export interface CloseStep {
  readonly name: string;
  run(): Promise<void> | void;
}

export interface Shutdown {
  readonly log: Logger;
  /** What a step may take to finish what is in flight; it gets a little more to clean up. */
  readonly drainMs: number;
  /** In order. A step that fails or hangs does not keep the next ones from running. */
  readonly steps: readonly CloseStep[];
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const STEP_MARGIN_MS = 2_000;
/** A terminal signals the whole group and a parent passes it on: that is one wish, not two. */
const SAME_WISH_MS = 500;
const DIE_WITHIN_MS = 500;
const FLUSH_WITHIN_MS = 500;

/**
 * Waits for SIGTERM or SIGINT, runs the steps, then ends the process by the same signal, so that its exit status says
 * why it ended. A second signal ends it at once.
 */
export async function runUntilSignal({ log, drainMs, steps }: Shutdown): Promise<void> {
  const { signal, forget } = await firstSignal(log);
  log.info({ signal }, 'closing');
  for (const step of steps) {
    try {
      await within(drainMs + STEP_MARGIN_MS, async () => step.run());
    } catch (error) {
      log.warn({ step: step.name, err: (error as Error).message }, 'close step failed');
    }
  }
  await logLast(log, signal);
  forget();
  dieBy(signal);
}

function firstSignal(log: Logger): Promise<{ signal: NodeJS.Signals; forget: () => void }> {
  return new Promise((resolve) => {
    let firstMs: number | null = null;
    const forget = (): void => {
      for (const name of SIGNALS) process.off(name, onSignal);
    };
    const onSignal = (signal: NodeJS.Signals): void => {
      if (firstMs === null) {
        firstMs = performance.now();
        resolve({ signal, forget });
      } else if (performance.now() - firstMs > SAME_WISH_MS) {
        log.warn({ signal }, 'second signal: ending at once');
        forget();
        dieBy(signal);
      }
    };
    for (const name of SIGNALS) process.on(name, onSignal);
  });
}

/** Lines are written in the background, and the signal would not wait for the last one. */
async function logLast(log: Logger, signal: NodeJS.Signals): Promise<void> {
  const stream = (log as unknown as Record<symbol, unknown>)[symbols.streamSym];
  // Not `flush`: pino's waits for nothing unless lines are collected.
  const drained =
    stream instanceof EventEmitter && log.isLevelEnabled('info')
      ? once(stream, 'drain')
      : Promise.resolve([]);
  log.info({ signal }, 'closed');
  await within(FLUSH_WITHIN_MS, async () => void (await drained)).catch(() => undefined);
}

function dieBy(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
  // The first process of a container is not killed by a signal that it does not handle.
  setTimeout(() => process.exit(128 + constants.signals[signal]), DIE_WITHIN_MS);
}

async function within(limitMs: number, run: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}
