import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../src/protocol/client/request.js';
import { Explora, type SessionView } from '../../src/explora/index.js';
import { denseModel } from '../lib/dense-model.js';
import { Mischief, type Disturbance } from './mischief.js';
import { setStage } from './stage.js';

export interface PlayOptions {
  readonly seed: number;
  readonly libraries: number;
  readonly rounds: number;
  /** Disturbances a round at the least; 0 leaves everybody in peace. */
  readonly perRound: number;
  readonly minKills: number;
  readonly deadlineMs: number;
  readonly say: (line: string) => void;
}

export interface Ack {
  readonly libraryId: string;
  readonly round: number;
  readonly attempt: number;
}

export interface Played {
  readonly view: SessionView;
  readonly acknowledged: readonly Ack[];
  readonly disturbances: readonly Disturbance[];
  /** When something moved in the session, ms. */
  readonly progressMs: readonly number[];
  readonly seconds: number;
}

/** Which part a draw means does not depend on who started first. */
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

const HOSTS = 5;
const TRAIN_MS = 250;

/** One session from submit to end, with or without mischief. */
export async function play(options: PlayOptions): Promise<Played> {
  const startedMs = Date.now();
  const stage = await setStage({ gateways: 2, coordinators: 2, aggregators: 2 });
  try {
    const api = new ApiClient({
      urls: stage.urls,
      headers: async () => ({ authorization: `Bearer ${await stage.token('admin')}` }),
    });
    await api.json({ path: '/v1/repos', method: 'POST', json: { repoId: 'chaos' } });
    const { apiKey } = await api.json<{ apiKey: string }>({
      path: '/v1/repos/chaos/keys',
      method: 'POST',
      json: {},
    });
    const acknowledged: Ack[] = [];
    const onLine = (line: string): void => {
      const { libraryId, round, attempt, outcome } = JSON.parse(line) as Ack & { outcome?: string };
      if (outcome === 'counted') acknowledged.push({ libraryId, round, attempt });
    };
    const names = Array.from({ length: options.libraries }, (_, i) => `lib-${i}`);
    for (let host = 0; host < HOSTS; host++) {
      const mine = names.filter((_, i) => i % HOSTS === host);
      const libraries = Object.fromEntries(mine.map((name) => [name, 10 + names.indexOf(name)]));
      if (mine.length > 0) await stage.addLibraries({ apiKey, libraries, trainMs: TRAIN_MS, onLine });
    }
    const explora = new Explora({ url: stage.urls, repoId: 'chaos', token: await stage.token('owner') });
    const { modelId } = await explora.uploadModel(denseModel(60, 80));
    const session = await explora.submit({
      modelId,
      hyperparams: { batchSize: 1 },
      selection: { type: 'all', goal: options.libraries },
      continuation: { value: 1, minUpdates: options.libraries },
      deadlines: { recruitMs: 60_000, roundMs: 60_000, maxRoundRetries: 20 },
      termination: { maxRounds: options.rounds },
      evaluation: { on: 'none' },
    });

    const mischief = new Mischief([...stage.parts].sort(byName), options.seed);
    const progressMs: number[] = [];
    let over = false;
    let round = 0;
    const follow = async (): Promise<void> => {
      for await (const { event, atMs } of session.follow()) {
        const last = progressMs.at(-1) ?? atMs;
        if (atMs - last > 5_000)
          options.say(`  nothing moved for ${(atMs - last) / 1000} s, then ${JSON.stringify(event)}`);
        progressMs.push(atMs);
        if (event.type === 'round.published') {
          round = event.round;
          options.say(
            `round ${round}/${options.rounds} · ${mischief.done.length} disturbances, ${mischief.kills} of them kills`,
          );
        }
      }
      over = true;
    };
    const disturb = async (): Promise<void> => {
      if (options.perRound === 0) return;
      for (let hits = 0; !over;) {
        const due = (round + 1) * options.perRound;
        const behind = (options.minKills * (round + 1)) / options.rounds > mischief.kills;
        if (hits < due || behind) {
          mischief.next();
          hits += 1;
        }
        await sleep(150);
      }
      await mischief.settle();
    };
    const guard = sleep(options.deadlineMs, undefined, { ref: false }).then(() => {
      throw new Error(
        `The session did not end within ${options.deadlineMs / 1000} s: ${JSON.stringify(round)} rounds done.`,
      );
    });
    const watching = follow();
    const [view] = await Promise.race([Promise.all([watching.then(() => session.get()), disturb()]), guard]);
    return {
      view,
      acknowledged,
      disturbances: mischief.done,
      progressMs,
      seconds: (Date.now() - startedMs) / 1000,
    };
  } finally {
    await stage.close();
  }
}
