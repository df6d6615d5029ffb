import { setTimeout as sleep } from 'node:timers/promises';
import { Hosts } from './connections/hosts.js';
import { requireOpenFiles } from './connections/open-files.js';
import { denseModel } from './lib/dense-model.js';
import { numberOptions, printCase, progress } from './lib/options.js';
import { startBenchPool, type BenchPool } from './lib/pool.js';
import { quantile, roundTo } from './lib/statistics.js';
import { cpuSeconds, peakRssMiB, rssMiB } from './lib/usage.js';
import { nowMs } from './rounds/library.js';
import { Explora, type ExploraSession } from '../src/explora/index.js';

/**
 * How many idle Libraries one gateway holds. In this order: all join; their memory (`rssBytesEach`: resident bytes of
 * the gateway after its garbage was collected, over those of an empty gateway, which has answered requests before);
 * a time in which nothing happens (CPU of heartbeats and presence); a session that asks all of them (`offer`, from
 * the opening of the round by the pool's record to the last hint, and `assigned` to the last answer of what to do); its
 * cancellation (`stop`, likewise from the end of the session); and the death of the gateway by SIGKILL (`back`, until
 * the last has joined its successor at the same address, which is started at once).
 *
 * The floors: the pool spreads hints to n Libraries over 0.08 ms × n, since all of them ask in return; each client waits
 * 0.05 to 0.5 s before its first try to come back, doubled each time, and the new gateway takes its time to start.
 */
export async function run(argv: string[]): Promise<void> {
  const defaults = { libraries: 10_000, idleSeconds: 30, settleSeconds: 6 };
  const { libraries, idleSeconds, settleSeconds } = numberOptions(argv, defaults);
  requireOpenFiles(libraries);
  const preload = new URL('./lib/collect-garbage.js', import.meta.url).href;
  const pool = await startBenchPool({ nodeArgs: ['--import', preload] });
  const hosts = new Hosts(libraries);
  try {
    const apiKey = await pool.repo('bench');
    const explora = new Explora({ url: pool.urls, repoId: 'bench', token: await pool.token('admin') });
    const { modelId } = await explora.uploadModel(denseModel(8, 8));
    const emptyMiB = await settledRssMiB(pool, settleSeconds);

    const startedMs = nowMs();
    const joined = await hosts.connect({ url: pool.urls[0] ?? '', apiKey });
    progress(`${libraries} joined, from ${hosts.processes} processes`);
    const joinPeakMiB = peakRssMiB(gateway(pool));
    const fullMiB = await settledRssMiB(pool, settleSeconds);
    const idle = await idleCpu(pool, idleSeconds);
    const { librariesOnline } = await explora.status();
    if (librariesOnline !== libraries) progress(`only ${librariesOnline} count as present`);

    const submit = async (): Promise<ExploraSession> =>
      explora.submit({
        modelId,
        hyperparams: { batchSize: 1 },
        selection: { type: 'all', goal: libraries },
        continuation: { value: 1, minUpdates: libraries },
        deadlines: { recruitMs: 60_000, roundMs: 600_000 },
        evaluation: { on: 'none' },
      });
    const submittedMs = nowMs();
    const [session, offered, assigned] = await Promise.all([
      submit(),
      hosts.see('offered'),
      hosts.see('assigned'),
    ]);
    const openedMs = (await session.get()).round?.openedMs ?? NaN;
    progress(`all hinted ${roundTo(Math.max(...offered) - openedMs, 0)} ms after the round opened`);
    const stopped = hosts.see('stopped');
    const endedMs = (await session.cancel()).endedMs ?? NaN;
    const stop = spread(await stopped, endedMs);

    const back = hosts.see('joined');
    const killedMs = nowMs();
    await pool.killGateway(0);
    const readyMs = nowMs() - killedMs;
    const returned = await back;
    progress('all are back');

    printCase({
      ...{ case: 'connections', libraries, clientProcesses: hosts.processes },
      rssBytesEach: Math.round(((fullMiB - emptyMiB) * 2 ** 20) / libraries),
      rssMiB: { empty: roundTo(emptyMiB, 1), joined: roundTo(fullMiB, 1), joinPeak: roundTo(joinPeakMiB, 1) },
      joinMs: roundTo(Math.max(...joined) - startedMs, 0),
      idleCpuSecondsPerMinute: idle,
      offer: { openedAfterMs: roundTo(openedMs - submittedMs, 0), ...spread(offered, openedMs) },
      assigned: spread(assigned, openedMs),
      stop,
      back: { gatewayReadyMs: roundTo(readyMs, 0), ...spread(returned, killedMs) },
    });
  } finally {
    await hosts.end();
    await pool.close();
  }
}

function gateway(pool: BenchPool): number {
  return pool.pids('gateway')[0] ?? NaN;
}

/** Collects, and gives the process time to give memory back; the second collection takes what the first set free. */
async function settledRssMiB(pool: BenchPool, seconds: number): Promise<number> {
  for (let i = 0; i < 2; i++) {
    process.kill(gateway(pool), 'SIGUSR2');
    await sleep(seconds * 500);
  }
  return rssMiB(gateway(pool));
}

async function idleCpu(pool: BenchPool, seconds: number): Promise<{ gateway: number; redis: number }> {
  const now = (): { gateway: number; redis: number } => ({
    gateway: cpuSeconds(gateway(pool)),
    redis: cpuSeconds(pool.pids('redis')[0] ?? NaN),
  });
  const before = now();
  await sleep(seconds * 1_000);
  const after = now();
  const perMinute = (role: 'gateway' | 'redis'): number =>
    roundTo(((after[role] - before[role]) * 60) / seconds, 2);
  return { gateway: perMinute('gateway'), redis: perMinute('redis') };
}

function spread(atMs: readonly number[], sinceMs: number): { p50Ms: number; p99Ms: number; lastMs: number } {
  const after = atMs.map((ms) => ms - sinceMs);
  return {
    p50Ms: roundTo(quantile(after, 0.5), 0),
    p99Ms: roundTo(quantile(after, 0.99), 0),
    lastMs: roundTo(quantile(after, 1), 0),
  };
}
