import { setTimeout as sleep } from 'node:timers/promises';
import { numberOptions, printCase, progress } from './lib/options.js';
import { startBenchPool } from './lib/pool.js';
import { quantile, roundTo } from './lib/statistics.js';
import { startSwarm } from './rounds/swarm-process.js';
import { download } from './rounds/transfer.js';
import { addWorkload, workload } from './rounds/workload.js';

/** From one question to the next of the same kind, whether or not the one before has its answer. */
const EVERY_MS = 25;

interface Query {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * How long the pool takes to say how things stand: first while nobody sends anything (all Libraries have their version
 * and keep their update), then in the rounds of the `rounds` workload. It is the same session both times, so that the
 * questions cost the same, and the floor of the busy case is the idle one: `ratio` is busy over idle. Questions come at
 * a fixed pace, so a pool that stands still is asked, and counted, all the same.
 */
export async function run(argv: string[]): Promise<void> {
  const defaults = { libraries: 100, mib: 1, rounds: 20, gateways: 1, aggregators: 1, idleSeconds: 10 };
  const options = numberOptions(argv, defaults);
  const { libraries, mib, rounds } = options;
  const work = workload(options);
  const swarm = startSwarm();
  const pool = await startBenchPool(options);
  try {
    const repo = await addWorkload(pool, work, 'bench');
    const session = await repo.submit(rounds);
    let trained = 0;
    const ready = new Promise<void>((resolve) =>
      swarm.on('trained', () => void (++trained === libraries && resolve())),
    );
    repo.join(swarm, { hold: true });
    await ready;

    const [url = ''] = pool.urls;
    const owner = { authorization: `Bearer ${await pool.token('admin')}` };
    const library = { authorization: `Bearer ${repo.apiKey}`, 'library-id': 'lib-0' };
    const queries: Query[] = [
      { name: 'pool', url: `${url}/v1/pool`, headers: owner },
      { name: 'repo', url: `${url}/v1/repos/bench`, headers: owner },
      { name: 'session', url: `${url}/v1/repos/bench/sessions/${session.sessionId}`, headers: owner },
      { name: 'assignment', url: `${url}/v1/library/assignment`, headers: library },
    ];
    // Connections, and code that no one had called.
    await askAll(queries, sleep(1_000));
    progress('idle');
    const idle = await askAll(queries, sleep(options.idleSeconds * 1_000));
    progress('busy');
    swarm.send({ kind: 'go' });
    const busy = await askAll(queries, session.result());

    for (const { name } of queries) {
      const [quiet, loaded] = [figures(idle.get(name)), figures(busy.get(name))];
      printCase({
        ...{ case: 'status', query: name, libraries, mib, rounds },
        ...{ idle: quiet, busy: loaded },
        ratio: { p50: roundTo(loaded.p50Ms / quiet.p50Ms, 2), p99: roundTo(loaded.p99Ms / quiet.p99Ms, 2) },
      });
    }
  } finally {
    await swarm.end();
    await pool.close();
  }
}

/** Asks all queries at their pace until something else is over. @returns how long each answer took, ms, by query */
async function askAll(queries: readonly Query[], until: Promise<unknown>): Promise<Map<string, number[]>> {
  const times = new Map(queries.map(({ name }) => [name, [] as number[]]));
  const asking = new Set<Promise<void>>();
  const ask = async ({ name, url, headers }: Query): Promise<void> => {
    const startedMs = performance.now();
    try {
      await download(url, headers);
      times.get(name)?.push(performance.now() - startedMs);
    } catch (error) {
      progress((error as Error).message);
    }
  };
  const timer = setInterval(() => {
    for (const query of queries) {
      const answer = ask(query);
      asking.add(answer);
      void answer.then(() => asking.delete(answer));
    }
  }, EVERY_MS);
  try {
    await until;
  } finally {
    clearInterval(timer);
  }
  await Promise.all(asking);
  return times;
}

function figures(times: readonly number[] = []): { asked: number; p50Ms: number; p99Ms: number } {
  const at = (share: number): number => roundTo(quantile(times, share), 2);
  return { asked: times.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
