import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);
type Line = Record<string, unknown>;

/** Fields that the lines must have, all of them numbers: what a NaN becomes in JSON is none. */
const BENCHES: { name: string; args: string; cases: number; fields: string[] }[] = [
  {
    name: 'close',
    args: '--libraries 3 --mib 0.1 --rounds 2',
    cases: 1,
    fields: ['libraries', 'mib', 'rounds', 'p50Ms', 'p95Ms', 'maxMs', 'lastHint.p95Ms', 'steps.publishedMs'],
  },
  {
    name: 'connections',
    args: '--libraries 20 --idleSeconds 1 --settleSeconds 0.5',
    cases: 1,
    fields: [
      ...['libraries', 'rssBytesEach', 'rssMiB.empty', 'rssMiB.joinPeak', 'joinMs'],
      ...['idleCpuSecondsPerMinute.gateway', 'offer.lastMs', 'assigned.lastMs', 'stop.lastMs', 'back.lastMs'],
    ],
  },
  {
    name: 'rounds',
    args: '--libraries 3 --mib 2.2 --rounds 2 --encoding q8',
    cases: 1,
    fields: [
      ...['libraries', 'mib', 'rounds', 'warmUpRounds', 'secondsPerRound', 'gbPerSecond', 'ratioToSink'],
      ...['cpuSeconds.gateway', 'peakRssMiB.gateway', 'peakRssMiB.redis'],
    ],
  },
  {
    name: 'scaling',
    args: '--libraries 2 --mib 0.1 --rounds 2 --most 2',
    cases: 3,
    fields: [
      'gateways',
      'aggregators',
      'cores',
      'secondsPerRound',
      'ratio',
      'ratioToSink',
      'cpuSeconds.gateway',
    ],
  },
  {
    name: 'status',
    args: '--libraries 3 --mib 0.1 --rounds 4 --idleSeconds 1',
    cases: 4,
    fields: ['idle.asked', 'idle.p50Ms', 'idle.p99Ms', 'busy.p50Ms', 'busy.p99Ms', 'ratio.p50', 'ratio.p99'],
  },
  {
    name: 'tenants',
    args: '--mib 1 --libraries 2 --smallMib 0.1 --smallLibraries 2 --rounds 2 --largeRounds 1',
    cases: 1,
    fields: ['mib', 'alone.secondsPerRound', 'beside.secondsPerRound', 'ratio', 'large.secondsPerRound'],
  },
];

test('each bench says what it promises, and ends', async () => {
  // Together, since most of their time is waiting.
  const groups = [0, 1, 2].map((group) => BENCHES.filter((_, i) => i % 3 === group));
  const inTurn = async (benches: typeof BENCHES): Promise<void> => {
    for (const { name, args, cases, fields } of benches) {
      const command = ['scripts/bench.mjs', name, ...args.split(' ')];
      const { stdout } = await run(process.execPath, command, { timeout: 60_000 });
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
      expect({ name, cases: lines.map((line) => line['case']) }).toEqual({
        name,
        cases: Array.from({ length: cases }, () => name),
      });
      for (const line of lines)
        for (const field of fields)
          expect([name, field, at(line, field)]).toEqual([name, field, expect.any(Number)]);
      // What is measured must be the right work.
      for (const { exact } of lines)
        if (exact !== undefined) expect({ name, exact }).toEqual({ name, exact: true });
    }
  };
  await Promise.all(groups.map(inTurn));
}, 120_000);

function at(line: Line, field: string): unknown {
  return field.split('.').reduce<unknown>((value, name) => (value as Line | undefined)?.[name], line);
}
