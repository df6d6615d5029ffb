/** Events whose listeners outlive the thing that added them, if it forgets to take them off. */
const EVENTS = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'exit',
  'beforeExit',
  'uncaughtException',
  'unhandledRejection',
] as const;

/**
 * Remembers how many listeners the process has; the returned function throws, naming the events, if there are more.
 *
 * ```ts
 * const assertNoLeaks = watchProcessListeners();
 * const pool = await startPool(); await pool.close();
 * assertNoLeaks();
 * ```
 */
export function watchProcessListeners(): () => void {
  const before = countListeners();
  return () => {
    const after = countListeners();
    const leaked = EVENTS.filter((event) => (after.get(event) ?? 0) > (before.get(event) ?? 0));
    if (leaked.length === 0) return;
    const counts = leaked.map((event) => `${event}: ${before.get(event)} → ${after.get(event)}`);
    throw new Error(`Listeners left on the process (${counts.join(', ')})`);
  };
}

function countListeners(): Map<string, number> {
  return new Map(EVENTS.map((event) => [event, process.listenerCount(event)]));
}
