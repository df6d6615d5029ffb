import { expect, test } from '@jest/globals';
import type { Change } from '../../src/core/decision.js';
import { stateChanges } from '../../src/core/state-changes.js';
import { makeJob, newSession, World } from './world.js';

const job = makeJob({
  selection: { goal: 2, overSelection: 1 },
  continuation: { type: 'percentageAveraged', value: 1, minUpdates: 2 },
  termination: { maxRounds: 2 },
  deadlines: { roundMs: 60_000, maxRoundRetries: 1 },
  evaluation: { on: 'none' },
});

/** Every step as text, and a check that each state is left from where it was entered. */
function tell(world: World, run: () => void): string[] {
  const before = world.session;
  const changes: Change[] = [];
  run();
  changes.push(...world.run());
  const told: string[] = [];
  let record = before;
  for (const change of changes) {
    for (const { round, from, to, sinceMs, atMs } of stateChanges(record, change)) {
      const what = round === null ? 'session' : `${round.number}.${round.attempt}`;
      told.push(`${what} ${from ?? '-'} > ${to} after ${sinceMs === null ? '-' : atMs - sinceMs}`);
    }
    record = change.next;
  }
  return told;
}

test('each change of state is told once, with how long the state that was left had lasted', () => {
  const world = new World(job);
  for (const id of ['a', 'b']) world.join(id);
  expect(stateChanges(null, { next: world.session, events: [] })).toMatchObject([
    { round: null, from: null, to: 'queued', sinceMs: null, atMs: 0 },
  ]);
  expect(tell(world, () => (world.nowMs = 10))).toEqual([
    'session queued > recruiting after 10',
    '1.1 - > selecting after -',
    'session recruiting > running after 0',
    '1.1 selecting > collecting after 0',
  ]);
  world.nowMs = 1_000;
  const send = (): void => ['a', 'b'].forEach((id) => void world.update(id));
  world.aggregatorsWork = false;
  expect(tell(world, send)).toEqual(['1.1 collecting > closing after 990']);
  world.aggregatorsWork = true;
  expect(tell(world, () => (world.nowMs = 1_500))).toEqual([
    '1.1 closing > published after 500',
    '2.1 - > selecting after -',
    '2.1 selecting > collecting after 0',
  ]);
  expect(tell(world, () => (world.nowMs = 61_500))).toEqual([
    '2.1 collecting > abandoned after 60000',
    '2.2 - > selecting after -',
    '2.2 selecting > collecting after 0',
  ]);
  expect(tell(world, () => (world.nowMs = 121_500))).toEqual([
    '2.2 collecting > abandoned after 60000',
    'session running > failed after 121490',
  ]);
});

test('what changes no state is not told', () => {
  const session = newSession(job);
  expect(stateChanges(session, { next: { ...session, pausedUntilMs: 5 }, events: [] })).toEqual([]);
});
