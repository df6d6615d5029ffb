import { parseArgs } from 'node:util';
import { play, type Played } from './chaos/play.js';
import { expectedSha256 } from './lib/expected.js';
import { denseModel } from './lib/dense-model.js';

const USAGE =
  'npm run chaos -- [--seed N] [--libraries N] [--rounds N] [--minutes N] [--min-kills N] [--json]';

/**
 * Runs a session while a seeded schedule kills, stops and cuts off every kind of process, and checks from outside that
 * nothing was lost or counted twice and that the model is the one of an undisturbed run.
 */
export async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      seed: { type: 'string', default: '1' },
      libraries: { type: 'string', default: '30' },
      rounds: { type: 'string', default: '20' },
      minutes: { type: 'string', default: '10' },
      'min-kills': { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${USAGE}\n`);
  const [seed = 1, libraries = 30, rounds = 20, minutes = 10, minKills = 30] = [
    values.seed,
    values.libraries,
    values.rounds,
    values.minutes,
    values['min-kills'],
  ].map(Number);
  const say = values.json ? () => undefined : (line: string): void => void process.stdout.write(`${line}\n`);
  const common = { seed, libraries, rounds, minKills, deadlineMs: minutes * 60_000, say };

  say(`Undisturbed: ${libraries} Libraries, ${rounds} rounds …`);
  const calm = await play({ ...common, perRound: 0 });
  say(`Disturbed, seed ${seed} …`);
  const wild = await play({ ...common, perRound: 2 });
  const report = {
    ...judge({ calm, wild, libraries, rounds }),
    seed,
    rounds,
    libraries,
    seconds: Math.round(wild.seconds * 10) / 10,
  };
  const sha = await expectedSha256({
    weights: denseModel(60, 80).weights,
    libraries: Object.fromEntries(Array.from({ length: libraries }, (_, i) => [`lib-${i}`, 10 + i])),
    rounds,
    shardParams: 500,
  });
  const ok = report.ok && wild.view.history.at(-1)?.sha256 === sha;
  process.stdout.write(`${JSON.stringify({ ...report, ok })}\n`);
  if (!ok) process.exitCode = 1;
}

interface Verdict {
  readonly ok: boolean;
  readonly state: string;
  readonly kills: number;
  readonly disturbances: number;
  readonly acknowledged: number;
  readonly counted: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly identicalToUndisturbed: boolean;
  readonly recoverySecondsP95: number;
  /** The longest time in which nothing moved. */
  readonly longestStallSeconds: number;
}

/** Compares what Libraries were told with what the pool says it counted, and the two models. */
function judge({
  calm,
  wild,
  libraries,
  rounds,
}: {
  calm: Played;
  wild: Played;
  libraries: number;
  rounds: number;
}): Verdict {
  const { history, state } = wild.view;
  const counted = history.reduce((sum, round) => sum + round.updates, 0);
  // An acknowledged update of an attempt that was abandoned is no loss: its round was tried again, with everybody.
  const published = new Set(history.map((round) => `${round.round}.${round.attempt}`));
  const told = new Set(
    wild.acknowledged
      .filter((ack) => published.has(`${ack.round}.${ack.attempt}`))
      .map((ack) => `${ack.round}.${ack.attempt} ${ack.libraryId}`),
  );
  const perRound = history.map((round) => ({
    updates: round.updates,
    told: [...told].filter((key) => key.startsWith(`${round.round}.${round.attempt} `)).length,
  }));
  const lost = perRound.reduce((sum, { updates, told: known }) => sum + Math.max(0, known - updates), 0);
  const duplicated = perRound.reduce((sum, { updates }) => sum + Math.max(0, updates - libraries), 0);
  const identicalToUndisturbed = history.at(-1)?.sha256 === calm.view.history.at(-1)?.sha256;
  const kills = wild.disturbances.filter((disturbance) => disturbance.kind === 'kill').length;
  const ok =
    state === 'completed' &&
    history.length === rounds &&
    lost === 0 &&
    duplicated === 0 &&
    identicalToUndisturbed;
  const recoverySecondsP95 = Math.round(percentile(recoveries(wild), 0.95) / 10) / 100;
  return {
    ok,
    state,
    kills,
    disturbances: wild.disturbances.length,
    acknowledged: told.size,
    counted,
    lost,
    duplicated,
    identicalToUndisturbed,
    recoverySecondsP95,
    longestStallSeconds: Math.round(longestStall(wild) / 10) / 100,
  };
}

/** After each kill: how long until anything moved in the session again. */
function recoveries({ disturbances, progressMs }: Played): number[] {
  return disturbances
    .filter((disturbance) => disturbance.kind === 'kill')
    .map(({ atMs }) => progressMs.find((ms) => ms > atMs) ?? NaN)
    .map((next, i) => next - (disturbances.filter((d) => d.kind === 'kill')[i]?.atMs ?? NaN))
    .filter((ms) => Number.isFinite(ms));
}

function longestStall({ progressMs }: Played): number {
  return progressMs.reduce((longest, ms, i) => Math.max(longest, ms - (progressMs[i - 1] ?? ms)), 0);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
