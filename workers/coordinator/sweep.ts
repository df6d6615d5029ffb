import type { SessionKey } from '../../src/redis/pool-registry.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** Sessions looked at in one sweep, and how long the other coordinators leave them alone. */
const LIMIT = 64;
const PUT_OFF_MS = 5_000;
/** How often the list of wake times itself is repaired from the Repos. */
const REPAIR_MS = 10_000;

/**
 * The timer out of every state: looks at the sessions whose time has come, whether or not anybody hinted. It works
 * without the queue, so a lost job or a coordinator that died in one costs seconds.
 */
export function startSweep(
  deps: PoolDeps,
  look: (key: SessionKey) => Promise<void>,
): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let repairedMs = 0;
  let wakeUp: (() => void) | undefined;

  const sweepOnce = async (): Promise<void> => {
    if (Date.now() - repairedMs > REPAIR_MS) {
      repairedMs = Date.now();
      await repair(deps);
    }
    const due = await deps.stores.pool.claimDue({ limit: LIMIT, putOffMs: PUT_OFF_MS });
    await Promise.all(due.map(look));
  };
  const loop = async (): Promise<void> => {
    while (!stopped) {
      await sweepOnce().catch((error: unknown) =>
        deps.log.warn({ err: (error as Error).message }, 'sweep failed'),
      );
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
        timer = setTimeout(resolve, deps.config.SWEEP_MS);
      });
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      wakeUp?.();
      await running;
    },
  };
}

/** Wake times are written after the fact; whoever died in between left a session without one. */
async function repair({ stores }: PoolDeps): Promise<void> {
  for (const repoId of await stores.repos.ids()) {
    const ids = await stores.sessions.activeIds(repoId);
    await stores.pool.ensureDue(ids.map((sessionId) => ({ repoId, sessionId })));
  }
}
