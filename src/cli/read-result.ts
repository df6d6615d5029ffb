import { setTimeout as sleep } from 'node:timers/promises';
import type { ExploraSession } from '../explora/session.js';
import type { SessionView } from '../protocol/http.js';

const WAIT_MS = 100;
const TRIES = 100;

/** An ended session as it stays: the result of a completed one is registered a moment after its last event. */
export async function readResult(session: ExploraSession): Promise<SessionView> {
  for (let tries = 1; ; tries++) {
    const view = await session.get();
    const complete = view.state !== 'completed' || view.version === 0 || view.resultModelId !== null;
    if (complete || tries === TRIES) return view;
    await sleep(WAIT_MS);
  }
}
