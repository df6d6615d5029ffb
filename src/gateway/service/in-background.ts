import type { Logger } from '../../telemetry/logger.js';

/** For hints: nobody waits for them, and one that fails costs time only. */
export function inBackground({ log }: { log: Logger }, what: string, work: Promise<unknown>): void {
  work.catch((error: unknown) => log.warn({ what, err: (error as Error).message }, 'hint failed'));
}
