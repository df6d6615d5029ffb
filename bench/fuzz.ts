import { parseArgs } from 'node:util';
import { EVENTS, ROUTES } from '../src/gateway/auth/access.js';
import { ERRORS } from '../src/protocol/errors.js';
import { Dice } from './fuzz/dice.js';
import { drive } from './fuzz/drive.js';
import { Findings } from './fuzz/findings.js';
import { HTTP_TARGETS } from './fuzz/http-targets.js';
import { watchProcesses, type ByRole, type Settled } from './fuzz/memory.js';
import { setStage } from './fuzz/stage.js';

const USAGE = 'npm run fuzz -- [--minutes N] [--inputs N] [--seed N] [--json] [--logs]';
/** No answer for so long is a hang; everything that waits in this pool waits much shorter. */
const HANG_MS = 10_000;
/** Rounds of one session that runs meanwhile; when it ends, another begins. */
const ROUNDS = 10;
/** What memory may grow by once it is warm, of all processes together: heaps are never quite the same size. */
const MAX_LEAKED_MIB = 24;
/** Memory is looked at after each. */
const PARTS = 5;
const WARM_PARTS = 2;
/** A busy machine may take so many times as long for the inputs that are asked for. */
const SLOW = 8;
const SHORT_SECONDS = 60;
/** Longer than a converter is given for one file. */
const MAX_REST_MS = 65_000;
const HTTP_LINES = 24;
const SOCKET_LINES = 12;

/**
 * Sends valid traffic of every route and event with one thing wrong in most of it, to a pool of real processes in which
 * sessions run meanwhile. Nothing of it may end a process, be answered by a 5xx that is no limit, or not at all; memory
 * stays as it is; and the sessions come to the very model that they come to undisturbed.
 *
 * `leakedMiB` is the resident memory of all processes of the pool at the end, less that after two fifths of the time, both
 * after a pause in which nothing is sent and garbage is collected. Until then code is compiled and bounded caches fill,
 * which ends; a leak goes on. `rssMiB` and `liveMiB` have all of it.
 */
export async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      minutes: { type: 'string', default: '1' },
      inputs: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      logs: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${USAGE}\n`);
  const [minutes = 1, inputs = 0, seed = 1] = [values.minutes, values.inputs, values.seed].map(Number);
  const report = await fuzz({
    seconds: minutes * 60,
    inputs,
    seed,
    say: values.json ? () => undefined : (text) => void process.stderr.write(`${text}\n`),
    ...(values.logs ? { onLine: (line: string) => void process.stderr.write(`${line}\n`) } : {}),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (!report.ok) process.exitCode = 1;
}

export interface FuzzOptions {
  readonly seconds: number;
  /** At least so many are sent, also when that takes longer, up to {@link SLOW} times. */
  readonly inputs: number;
  readonly seed: number;
  readonly say: (text: string) => void;
  /** Is given what the processes of the pool write. */
  readonly onLine?: (line: string) => void;
}

export interface FuzzReport {
  readonly ok: boolean;
  readonly inputs: number;
  readonly crashes: number;
  readonly hangs: number;
  readonly unexpected5xx: number;
  /** Connections that were closed where an answer was due. */
  readonly dropped: number;
  readonly leakedMiB: number;
  readonly sessionUndisturbed: boolean;
  readonly sessions: number;
  readonly seed: number;
  readonly seconds: number;
  readonly inputsPerSecond: number;
  /** After each fifth of the time, by role. */
  readonly rssMiB: readonly ByRole[];
  /** What of it JavaScript can reach, in the main threads. */
  readonly liveMiB: readonly ByRole[];
  readonly coverage: Coverage;
  readonly findings: readonly string[];
}

interface Coverage {
  readonly routes: string;
  readonly events: string;
  readonly schemas: number;
  /** Routes and events with at least one success: the fuzzer gets past their doors. */
  readonly accepted: string;
  /** Those without. */
  readonly neverAccepted: readonly string[];
  /** Error codes that were met, of those in the table. */
  readonly errors: string;
  readonly answers: Readonly<Record<string, number>>;
}

export async function fuzz({ seconds, inputs, seed, say, onLine }: FuzzOptions): Promise<FuzzReport> {
  const { pool, calm, world, memory } = await setStage(onLine);
  const shown: string[] = [];
  const findings = new Findings((text) => {
    shown.push(text);
    say(text);
  });
  const dice = new Dice(seed);
  let stopped = false;
  const keepSessions = async (): Promise<void> => {
    // The first one is undisturbed.
    while (!stopped) await calm.runOne(ROUNDS);
  };
  try {
    await calm.runOne(ROUNDS);
    const alive = watchProcesses(pool, memory);
    const send = async (forMs: number, until: number): Promise<void> => {
      const startedMs = performance.now();
      const isOver = (): boolean => {
        const passedMs = performance.now() - startedMs;
        const isLate = passedMs >= forMs * (findings.inputs < until ? SLOW : 1);
        return isLate || alive.crashes() > 0;
      };
      const options = { urls: pool.urls, world, dice, findings, withinMs: HANG_MS };
      await drive({ ...options, httpLines: HTTP_LINES, socketLines: SOCKET_LINES }, isOver);
    };
    const sessions = keepSessions();
    sessions.catch(() => undefined);
    const startedMs = performance.now();
    const settled: Settled[] = [];
    const isShort = seconds < SHORT_SECONDS;
    const [parts, warmParts, restMs] = isShort ? [2, 1, 5_000] : [PARTS, WARM_PARTS, MAX_REST_MS];
    for (let part = 0; part < parts; part++) {
      await send((seconds / parts) * 1_000, (inputs / parts) * (part + 1));
      settled.push(await alive.settled(restMs));
    }
    const tookSeconds = (performance.now() - startedMs) / 1_000;
    stopped = true;
    await sessions.catch((error: unknown) => say(`the session broke: ${(error as Error).message}`));
    const { sessions: count, identical, problem } = calm.outcome();
    if (problem !== '') say(problem);
    const rssMiB = settled.map(({ rss }) => rss);
    const figures = {
      inputs: findings.inputs,
      crashes: alive.crashes(),
      hangs: findings.hangs,
      unexpected5xx: findings.unexpected5xx,
      dropped: findings.dropped,
      leakedMiB: Math.round((sum(rssMiB.at(-1)) - sum(rssMiB[warmParts - 1])) * 10) / 10,
      sessionUndisturbed: identical && count >= 2,
    };
    const { crashes, hangs, unexpected5xx, dropped, leakedMiB, sessionUndisturbed } = figures;
    const isQuiet = crashes + hangs + unexpected5xx + dropped === 0;
    return {
      ok: isQuiet && leakedMiB <= MAX_LEAKED_MIB && sessionUndisturbed,
      ...figures,
      sessions: count,
      seed,
      seconds: Math.round(tookSeconds),
      inputsPerSecond: Math.round(findings.inputs / tookSeconds),
      rssMiB,
      liveMiB: settled.map(({ live }) => live),
      coverage: coverageOf(findings),
      findings: shown,
    };
  } finally {
    stopped = true;
    await calm.end();
    await pool.close();
  }
}

function coverageOf({ targets, schemas, statuses }: Findings): Coverage {
  const routes = HTTP_TARGETS.map(({ route }) => route);
  const events = Object.keys(EVENTS);
  // Some routes are walked in several ways.
  const all = [...new Set([...Object.keys(ROUTES), ...routes, ...events])];
  const share = (names: readonly string[]): string =>
    `${names.filter((name) => targets.has(name)).length}/${names.length}`;
  const neverAccepted = all.filter((name) => (targets.get(name)?.accepted ?? 0) === 0);
  const codes = Object.keys(ERRORS);
  return {
    routes: share(routes),
    events: share(events),
    schemas: schemas.size,
    accepted: `${all.length - neverAccepted.length}/${all.length}`,
    neverAccepted,
    errors: `${codes.filter((code) => statuses.has(code)).length}/${codes.length}`,
    answers: Object.fromEntries([...statuses].sort(([, a], [, b]) => b - a)),
  };
}

function sum(rss: ByRole = {}): number {
  return Object.values(rss).reduce((total, mib) => total + mib, 0);
}
