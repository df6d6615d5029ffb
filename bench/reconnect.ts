import { ApiClient } from '../src/protocol/client/request.js';
import { setStage } from './chaos/stage.js';

/**
 * How long Libraries are without a connection when their gateway is killed, all of them at once. Prints one JSON line a
 * case: `{"case","libraries","medianMs","p95Ms","maxMs"}`. The floor is their first wait, 10 to 100 ms here.
 */
export async function run(): Promise<void> {
  for (const libraries of [30, 300, 1_000]) {
    const times = (await measure(libraries)).sort((a, b) => a - b);
    const at = (share: number): number =>
      times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
    const line = { case: 'reconnect', libraries, medianMs: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

/** Milliseconds from the kill to each Library's new connection. */
async function measure(count: number): Promise<number[]> {
  const stage = await setStage({ gateways: 2, coordinators: 1, aggregators: 1 });
  try {
    const headers = async (): Promise<Record<string, string>> => ({
      authorization: `Bearer ${await stage.token('admin')}`,
    });
    const api = new ApiClient({ urls: stage.urls, headers });
    await api.json({ path: '/v1/repos', method: 'POST', json: { repoId: 'chaos' } });
    const keys = { path: '/v1/repos/chaos/keys', method: 'POST', json: {} } as const;
    const { apiKey } = await api.json<{ apiKey: string }>(keys);
    const libraries = Object.fromEntries(Array.from({ length: count }, (_, i) => [`lib-${i}`, 1]));
    const idle = new Map<string, number>();
    let wake: (() => void) | null = null;
    const all = async (): Promise<void> => {
      while (idle.size < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    const onLine = (line: string): void => {
      const { libraryId, state, atMs } = JSON.parse(line) as {
        libraryId?: string;
        state?: string;
        atMs?: number;
      };
      if (libraryId === undefined || state !== 'idle' || atMs === undefined) return;
      idle.set(libraryId, atMs);
      wake?.();
    };
    await stage.addLibraries({ apiKey, libraries, trainMs: 0, startAtFirst: true, sayStates: true, onLine });
    await all();
    idle.clear();
    const killedMs = Date.now();
    stage.parts.find((part) => part.role === 'gateway')?.kill('SIGKILL');
    await all();
    return [...idle.values()].map((atMs) => atMs - killedMs);
  } finally {
    await stage.close();
  }
}
