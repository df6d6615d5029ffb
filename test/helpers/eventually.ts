import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `fn` until it neither throws nor returns something falsy, and returns what it returned. An `fn` made of `expect`
 * returns `undefined`: that is success, so say "not yet" with `null` or `false`.
 *
 * @throws what `fn` threw last, when `withinMs` have passed
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  { withinMs = 5_000, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    let problem: unknown;
    try {
      const value = await fn();
      if (value === undefined || value) return value;
      problem = new Error(`still ${String(value)} after ${withinMs} ms`);
    } catch (error) {
      problem = error;
    }
    if (performance.now() >= deadlineMs) throw problem;
    await sleep(everyMs);
  }
}
