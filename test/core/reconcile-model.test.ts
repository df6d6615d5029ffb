import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isFinal } from '../../src/core/session.js';
import { makeJob, World } from './world.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const name = fc.constantFrom(...NAMES);

const event = fc.oneof(
  { weight: 4, arbitrary: name.map((id) => (w: World) => void w.update(id)) },
  { weight: 2, arbitrary: name.map((id) => (w: World) => w.join(id)) },
  { weight: 2, arbitrary: name.map((id) => (w: World) => w.leave(id)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(name, fc.constantFrom('accepted' as const, 'declined' as const, 'failed' as const))
      .map(
        ([id, state]) =>
          (w: World) =>
            w.settle(id, state),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 200_000 }).map((ms) => (w: World) => void (w.nowMs += ms)),
  },
  { weight: 1, arbitrary: fc.boolean().map((pause) => (w: World) => w.pause(pause)) },
  { weight: 1, arbitrary: fc.boolean().map((works) => (w: World) => void (w.aggregatorsWork = works)) },
  { weight: 1, arbitrary: fc.constant((w: World) => w.lose('Bytes are gone.')) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 2 }).map((ahead) => (w: World) => void (w.ahead = ahead)),
  },
  {
    weight: 1,
    arbitrary: fc
      .double({ min: 0, max: 2, noNaN: true })
      .map(
        (loss) => (w: World) =>
          void (w.session.version > 0 && w.scores.push({ version: w.session.version, metrics: { loss } })),
      ),
  },
);

const job = fc
  .record({
    type: fc.constantFrom('random' as const, 'all' as const),
    goal: fc.integer({ min: 1, max: 5 }),
    overSelection: fc.constantFrom(1, 1.3, 2),
    value: fc.double({ min: 0.1, max: 1, noNaN: true }),
    minUpdates: fc.integer({ min: 1, max: 5 }),
    maxRounds: fc.integer({ min: 1, max: 4 }),
    retries: fc.integer({ min: 0, max: 2 }),
    patience: fc.option(fc.integer({ min: 1, max: 2 })),
    on: fc.constantFrom('libraries' as const, 'pool' as const, 'both' as const, 'none' as const),
  })
  .map((o) =>
    makeJob({
      selection: { type: o.type, goal: o.goal, overSelection: o.overSelection },
      continuation: { value: o.value, minUpdates: Math.min(o.minUpdates, o.goal) },
      deadlines: { maxRoundRetries: o.retries },
      termination: { maxRounds: o.maxRounds, patience: o.patience },
      evaluation: { on: o.on },
    }),
  );

function checkLaws(world: World, before: World['session']): void {
  const { session } = world;
  // Every state has a timer out of it.
  expect(session.deadlineMs === null).toBe(isFinal(session.state));
  // Rounds and versions only go up, and a version is always the round that made it.
  expect(session.version).toBeGreaterThanOrEqual(before.version);
  if (session.round !== null) {
    const expected = session.round.state === 'published' ? session.version : session.version + 1;
    expect(session.round.number).toBe(expected);
    expect(session.round.attempt).toBeLessThanOrEqual(1 + session.job.deadlines.maxRoundRetries);
  }
  expect(world.summaries.map((s) => s.round)).toEqual(
    Array.from({ length: session.version }, (_, i) => i + 1),
  );
  // Each Library counts at most once, and never more of them than the scale has room for.
  const receipts = world.attempt?.receipts ?? [];
  expect(new Set(receipts.map((r) => r.libraryId)).size).toBe(receipts.length);
  if (session.round?.state === 'collecting')
    expect(receipts.length).toBeLessThanOrEqual(session.round.selected);
  // A final state is final, and says why.
  if (isFinal(before.state)) expect(session).toEqual(before);
  if (isFinal(session.state)) expect(session.reason).toMatch(/\.$/);
}

describe('any session, whatever happens', () => {
  test('keeps the laws after every event', () => {
    fc.assert(
      fc.property(job, fc.array(event, { maxLength: 60 }), (anyJob, events) => {
        const world = new World(anyJob);
        world.hasTestSet = true;
        for (const happen of events) {
          const before = world.session;
          happen(world);
          world.run();
          checkLaws(world, before);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('ends by its timers alone when everybody falls silent', () => {
    fc.assert(
      fc.property(job, fc.array(event, { maxLength: 40 }), fc.boolean(), (anyJob, events, silent) => {
        const world = new World(anyJob);
        for (const happen of events) {
          happen(world);
          world.run();
        }
        world.aggregatorsWork = !silent;
        for (let jumps = 0; !world.isOver; jumps++) {
          if (jumps > 200) throw new Error(`no end in sight: ${JSON.stringify(world.session)}`);
          world.nowMs = Math.max(world.nowMs, world.session.deadlineMs ?? 0);
          if (world.session.state === 'queued') world.ahead = 0;
          world.run();
        }
      }),
      { numRuns: 500 },
    );
  });

  test('reaches the same state when asked twice as when asked once', () => {
    fc.assert(
      fc.property(job, fc.array(event, { maxLength: 30 }), (anyJob, events) => {
        const world = new World(anyJob);
        for (const happen of events) {
          happen(world);
          world.run();
          const settled = world.session;
          expect(world.run()).toEqual([]);
          expect(world.session).toBe(settled);
        }
      }),
      { numRuns: 200 },
    );
  });
});
