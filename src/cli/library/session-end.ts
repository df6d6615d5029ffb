import { setTimeout as sleep } from 'node:timers/promises';
import type { Library } from '../../library/index.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { ApiClient } from '../../protocol/client/request.js';

const ASK_EVERY_MS = 2_000;
const FINAL = ['completed', 'failed', 'cancelled'];

/**
 * Resolves with the state in which the first session that this Library takes part in has ended. A Library is not told of
 * that (it is asked, or it is not), so the pool is asked, slowly.
 */
export async function firstSessionEnd(
  library: Library,
  api: ApiClient,
  signal: AbortSignal,
): Promise<{ sessionId: string; state: string }> {
  const sessionId = await new Promise<string>((resolve) => {
    const off = library.on('round', (round) => {
      if (round.outcome !== 'counted') return;
      off();
      resolve(round.sessionId);
    });
  });
  for (;;) {
    const state = await stateOf(api, sessionId, signal);
    if (FINAL.includes(state)) return { sessionId, state };
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}

async function stateOf(api: ApiClient, sessionId: string, signal: AbortSignal): Promise<string> {
  const path = `/v1/library/sessions/${sessionId}`;
  try {
    return (await api.json<{ state: string }>({ path, signal, attempts: Infinity })).state;
  } catch (error) {
    // Removed with its Repo.
    if (error instanceof CloudNodeError && error.code === 'session_not_found') return 'cancelled';
    throw error;
  }
}
