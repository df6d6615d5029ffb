import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../src/core/decision.js';
import { isFinal } from '../../src/core/session.js';
import { LEASE_MS, makeJob, World } from './world.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const name = fc.constantFrom(...NAMES);

const update = name.map((id) => (w: World) => void w.update(id));
const join = name.map((id) => (w: World) => w.join(id));
const leave = name.map((id) => (w: World) => w.leave(id));
const settle = fc
  .tuple(name, fc.constantFrom('accepted' as const, 'declined' as const, 'failed' as const))
  .map(
    ([id, state]) =>
      (w: World) =>
        w.settle(id, state),
  );
const poolAway = fc.boolean().map((away) => (w: World) => (away ? w.goAway() : w.comeBack()));

/** In times about as long as a lease, and with few updates: so that rounds live to see who comes back. */
const comingAndGoing = fc.oneof(
  { weight: 1, arbitrary: update },
  { weight: 3, arbitrary: join },
  { weight: 3, arbitrary: leave },
  { weight: 3, arbitrary: settle },
  { weight: 1, arbitrary: poolAway },
  {
    weight: 4,
    arbitrary: fc.constantFrom(1, LEASE_MS / 2, LEASE_MS + 1).map((ms) => (w: World) => void (w.nowMs += ms)),
  },
);

const event = fc.oneof(
  { weight: 4, arbitrary: update },
  { weight: 2, arbitrary: join },
  { weight: 2, arbitrary: leave },
  { weight: 1, arbitrary: settle },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 200_000 }).map((ms) => (w: World) => void (w.nowMs += ms)),
  },
  { weight: 1, arbitrary: poolAway },
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

/** Whom a round still waits for, and whom it could ask. */
function checkSeats(world: World): void {
  const { session, attempt } = world;
  const { round, job } = session;
  if (round?.state !== 'collecting' || attempt === undefined) return;
  const records = [...attempt.assignments];
  const inState = (...states: string[]): number =>
    records.filter(([, { state }]) => states.includes(state)).length;
  const outstanding = inState('offered', 'accepted');
  const isLate = round.deadlineMs - world.nowMs < job.deadlines.roundMs / 4;
  // It does not wait for its deadline when nobody is left and nobody can be asked.
  if (outstanding === 0) expect(isLate).toBe(false);
  // No seat stays empty while somebody is there who has not answered, or has lost a seat by being away.
  const free = [...world.present.keys()].filter(
    (id) => (attempt.assignments.get(id)?.state ?? 'expired') === 'expired',
  );
  const vacant = round.selected - attempt.receipts.length - outstanding;
  if (!isLate && free.length > 0) expect(vacant).toBe(0);
}

/** Who loses an assignment was away for a lease, all of it while the pool was there. */
function checkExpired(world: World, changes: readonly Change[]): void {
  for (const libraryId of changes.flatMap(({ expire = [] }) => expire)) {
    expect(world.absentMs(libraryId)).toBeGreaterThan(LEASE_MS);
    expect(world.reachableMs).toBeGreaterThan(LEASE_MS);
  }
}

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

  test('takes seats from those only who could have come back, and leaves none empty that somebody could have', () => {
    fc.assert(
      fc.property(job, fc.array(comingAndGoing, { maxLength: 40 }), (anyJob, events) => {
        const world = new World(anyJob);
        for (const id of NAMES) world.join(id);
        world.run();
        for (const happen of events) {
          const before = world.session;
          happen(world);
          checkExpired(world, world.run());
          checkLaws(world, before);
          checkSeats(world);
        }
      }),
      { numRuns: 2_000 },
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
        world.comeBack();
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
