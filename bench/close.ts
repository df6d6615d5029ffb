import { setTimeout as sleep } from 'node:timers/promises';
import { numberOptions, printCase, progress } from './lib/options.js';
import { startBenchPool } from './lib/pool.js';
import { median, quantile, roundTo } from './lib/statistics.js';
import { startSwarm, type Swarm } from './rounds/swarm-process.js';
import { addWorkload, workload } from './rounds/workload.js';

/** Longer than a message takes from the client process to here. */
const SETTLE_MS = 200;

/**
 * How long all Libraries have nothing to do between two rounds: from the moment that the last acknowledgement of an
 * update came back to the client until the next round's hint was there, at the first Library (p50Ms, p95Ms, maxMs) and
 * at the last (`lastHint`). The pool counted that update a little earlier, so the way of one acknowledgement is not in
 * it, and the way of the hint is. `steps` (medians) say where the time goes: by the records of the pool, whose clock
 * is the same here, the round is closed, its version published, the next round opened.
 *
 * The floor is two changes of the session, one aggregate job and a hint, each a few turns to Redis and back: about
 * 10 ms. Hints to n Libraries are spread over 0.02 ms × n on purpose, so the last one comes that much later.
 */
export async function run(argv: string[]): Promise<void> {
  const options = numberOptions(argv, { libraries: 100, mib: 1, rounds: 20, gateways: 1, aggregators: 1 });
  const { libraries, mib, rounds } = options;
  const swarm = startSwarm();
  const pool = await startBenchPool(options);
  try {
    const times = new Moments(swarm);
    const repo = await addWorkload(pool, workload(options), 'bench');
    // One more, since the time of a round ends with the next one.
    const session = await repo.submit(rounds + 1);
    repo.join(swarm);
    const stop = swarm.on(
      'counted',
      ({ round }) => times.isFull(round, libraries) && progress(`round ${round}`),
    );
    const { history } = await session.result();
    stop();
    await sleep(SETTLE_MS);
    const gaps = history.slice(0, -1).flatMap((closed, i) => {
      const last = Math.max(...times.counted(closed.round));
      const offered = times.offered(closed.round + 1);
      const opened = history[i + 1];
      if (opened === undefined || offered.length < libraries) return [];
      return {
        first: Math.min(...offered) - last,
        last: Math.max(...offered) - last,
        toClosed: closed.closedMs - last,
        toPublished: closed.publishedMs - closed.closedMs,
        toOpened: opened.openedMs - closed.publishedMs,
        toHint: Math.min(...offered) - opened.openedMs,
      };
    });
    const of = (name: keyof (typeof gaps)[number]): number[] => gaps.map((gap) => gap[name]);
    const spread = (values: number[]): { p50Ms: number; p95Ms: number; maxMs: number } => ({
      p50Ms: roundTo(median(values), 1),
      p95Ms: roundTo(quantile(values, 0.95), 1),
      maxMs: roundTo(Math.max(...values), 1),
    });
    const middle = (name: keyof (typeof gaps)[number]): number => roundTo(median(of(name)), 1);
    printCase({
      ...{ case: 'close', libraries, mib, rounds: gaps.length },
      ...spread(of('first')),
      lastHint: spread(of('last')),
      steps: {
        closedMs: middle('toClosed'),
        publishedMs: middle('toPublished'),
        openedMs: middle('toOpened'),
        hintedMs: middle('toHint'),
      },
    });
  } finally {
    await swarm.end();
    await pool.close();
  }
}

/** What the Libraries said, by round. */
class Moments {
  readonly #counted = new Map<number, number[]>();
  readonly #offered = new Map<number, number[]>();

  constructor(swarm: Swarm) {
    const keep = (map: Map<number, number[]>, { round, atMs }: { round: number; atMs: number }): void =>
      void map.set(round, [...(map.get(round) ?? []), atMs]);
    swarm.on('counted', (moment) => keep(this.#counted, moment));
    swarm.on('offered', (moment) => keep(this.#offered, moment));
  }

  counted(round: number): readonly number[] {
    return this.#counted.get(round) ?? [];
  }

  offered(round: number): readonly number[] {
    return this.#offered.get(round) ?? [];
  }

  isFull(round: number, libraries: number): boolean {
    return this.counted(round).length === libraries;
  }
}
