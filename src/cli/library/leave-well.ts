import { setTimeout as sleep } from 'node:timers/promises';
import type { Library } from '../../library/index.js';

/**
 * Finishes the round that is under way if that takes at most `graceMs`, then leaves. What is not finished is declined, so
 * that the pool asks somebody else at once.
 */
export async function leaveWell(library: Library, graceMs: number): Promise<void> {
  if (library.state === 'training' || library.state === 'sending') {
    const finished = new Promise<void>((resolve) => library.on('round', () => resolve()));
    const waiting = new AbortController();
    const late = sleep(graceMs, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([finished, late]);
    waiting.abort();
  }
  await library.leave();
}
