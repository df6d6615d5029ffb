import { repeat, type Repeating } from '../../src/telemetry/repeat.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

const REAP_MS = 5_000;
/** In one go, so that a coordinator that is told to end does so. */
const PASSES = 20;

/** Deletes blobs whose time is over, where the store does not do it itself. Apart from the sweep, which must not wait for it. */
export function startReaping(deps: PoolDeps): Repeating {
  return repeat(
    REAP_MS,
    async () => {
      for (let pass = 0; pass < PASSES && (await deps.blobs.reap()); pass++);
    },
    (error) => deps.log.warn({ err: (error as Error).message }, 'reaping failed'),
  );
}
