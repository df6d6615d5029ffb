import { describe, expect, test } from '@jest/globals';
import { wakeAtMs } from '../../src/core/reconcile.js';
import { makeJob, LEASE_MS, World } from './world.js';

function worldWith(libraries: number, job = makeJob()): World {
  const world = new World(job);
  for (let i = 0; i < libraries; i++) world.join(`lib-${i}`);
  world.run();
  return world;
}

const small = makeJob({
  selection: { goal: 4, overSelection: 1 },
  continuation: { type: 'percentageAveraged', value: 1, minUpdates: 2 },
  termination: { maxRounds: 2 },
});

describe('the way of a session', () => {
  test('waits behind earlier sessions of its Repo', () => {
    const world = new World(small);
    world.ahead = 1;
    for (let i = 0; i < 4; i++) world.join(`lib-${i}`);
    world.run();
    expect(world.session.state).toBe('queued');
    world.ahead = 0;
    world.run();
    expect(world.session.round?.state).toBe('collecting');
  });

  test('runs all its rounds and completes', () => {
    const world = worldWith(4, small);
    for (let round = 1; round <= 2; round++) {
      expect(world.session.round).toMatchObject({
        number: round,
        attempt: 1,
        state: 'collecting',
        selected: 4,
        needed: 4,
      });
      for (let i = 0; i < 4; i++) expect(world.update(`lib-${i}`)).toBe(true);
      world.run();
    }
    expect(world.session).toMatchObject({ state: 'completed', version: 2, reason: 'All 2 rounds done.' });
    expect(world.summaries.map((s) => [s.round, s.updates, s.totalExamples])).toEqual([
      [1, 4, 400],
      [2, 4, 400],
    ]);
  });

  test('starts at the recruiting deadline with at least minUpdates Libraries, and fails with fewer', () => {
    const two = worldWith(2, small);
    expect(two.session.state).toBe('recruiting');
    two.nowMs = small.deadlines.recruitMs;
    two.run();
    expect(two.session.round).toMatchObject({ state: 'collecting', selected: 2, needed: 2 });

    const one = worldWith(1, small);
    one.nowMs = small.deadlines.recruitMs;
    one.run();
    expect(one.session).toMatchObject({
      state: 'failed',
      reason: 'Only 1 of at least 2 Libraries were connected within 60 s.',
    });
  });

  test('closes at the deadline with enough updates, and tries again with too few, a bounded number of times', () => {
    const enough = worldWith(4, small);
    enough.update('lib-0');
    enough.update('lib-1');
    enough.nowMs = small.deadlines.roundMs;
    enough.run();
    expect(enough.summaries[0]).toMatchObject({ round: 1, updates: 2 });

    const few = worldWith(4, small);
    for (let attempt = 1; attempt <= 1 + small.deadlines.maxRoundRetries; attempt++) {
      expect(few.session.round).toMatchObject({ number: 1, attempt });
      few.nowMs = few.session.deadlineMs ?? 0;
      few.run();
    }
    expect(few.session.state).toBe('failed');
    expect(few.session.reason).toBe(
      'Round 1 was tried 4 times. Last time: 0 updates arrived of at least 2 needed within 120 s.',
    );
    expect(few.session.leftovers).toHaveLength(4);
  });

  test('asks somebody else when a Library declines, fails or stays away longer than its lease', () => {
    const world = worldWith(7, small);
    const asked = [...(world.attempt?.assignments.keys() ?? [])];
    world.settle(asked[0] as string, 'declined');
    world.settle(asked[1] as string, 'failed');
    world.leave(asked[2] as string);
    world.run();
    expect(world.attempt?.assignments.size).toBe(6);
    world.nowMs = LEASE_MS + 1;
    world.run();
    expect(world.attempt?.assignments.size).toBe(7);
    expect(world.attempt?.assignments.get(asked[2] as string)?.state).toBe('expired');
    expect(world.update(asked[2] as string)).toBe(false);
  });

  test('counts nobody as away while the pool itself was, and gives a whole lease afterwards', () => {
    const world = worldWith(4, small);
    world.update('lib-0');
    world.goAway();
    world.nowMs = 2 * LEASE_MS;
    expect(world.run()).toEqual([]);
    world.comeBack();
    expect(world.run()).toEqual([]);
    world.join('lib-0');
    world.join('lib-1');
    world.nowMs += LEASE_MS;
    expect(world.run()).toEqual([]);
    expect(world.update('lib-1')).toBe(true);
    world.nowMs += 1;
    world.run();
    expect(world.session.round).toMatchObject({ number: 2, attempt: 1 });
    expect(world.summaries[0]).toMatchObject({ updates: 2, attempt: 1 });
  });

  test('asks one that lost its assignment again when it is back', () => {
    const world = worldWith(4, small);
    world.update('lib-0');
    world.leave('lib-1');
    world.leave('lib-2');
    world.nowMs = LEASE_MS + 1;
    world.run();
    expect(world.attempt?.assignments.get('lib-1')?.state).toBe('expired');
    world.join('lib-1');
    expect(world.run()).toMatchObject([{ assign: ['lib-1'], expire: [] }]);
    for (const id of ['lib-1', 'lib-3']) expect(world.update(id)).toBe(true);
    expect(world.update('lib-2')).toBe(false);
    world.run();
    expect(world.summaries[0]).toMatchObject({ updates: 3, attempt: 1 });
  });

  test('does not wait for the deadline when nobody is left and nobody can be asked any more', () => {
    const world = worldWith(4, small);
    world.update('lib-0');
    for (const id of ['lib-1', 'lib-2', 'lib-3']) world.settle(id, 'failed');
    world.nowMs = 0.75 * small.deadlines.roundMs;
    expect(world.run()).toEqual([]);
    world.nowMs += 1;
    world.run();
    expect(world.session.round).toMatchObject({ number: 1, attempt: 2 });
    expect(world.events).toContainEqual({
      type: 'round.abandoned',
      round: 1,
      attempt: 1,
      reason: '1 updates arrived of at least 2 needed, and nobody was left to send one.',
    });
  });

  test('recruits for its full time after the pool was away', () => {
    const world = worldWith(1, small);
    world.goAway();
    world.nowMs = 2 * small.deadlines.recruitMs;
    world.run();
    expect(world.session.state).toBe('recruiting');
    world.nowMs += 10_000;
    world.comeBack();
    world.nowMs += 20_000;
    world.join('lib-0');
    world.nowMs = world.session.deadlineMs ?? 0;
    world.run();
    expect(world.session).toMatchObject({ state: 'recruiting', deadlineMs: 190_000 });
    world.nowMs = 190_000;
    world.run();
    expect(world.session).toMatchObject({
      state: 'failed',
      reason: 'Only 1 of at least 2 Libraries were connected within 60 s.',
    });
  });

  test('does not wait when nobody is left who could answer', () => {
    const world = worldWith(4, small);
    world.update('lib-0');
    world.update('lib-1');
    world.settle('lib-2', 'failed');
    world.settle('lib-3', 'failed');
    world.run();
    expect(world.summaries[0]).toMatchObject({ updates: 2 });
  });

  test('gives an attempt up when acknowledged bytes are lost or no aggregator finishes', () => {
    const world = worldWith(4, small);
    world.lose('Bytes are gone.');
    world.run();
    expect(world.session.round).toMatchObject({ number: 1, attempt: 2 });
    world.aggregatorsWork = false;
    for (let i = 0; i < 4; i++) world.update(`lib-${i}`);
    world.run();
    expect(world.session.round?.state).toBe('closing');
    world.nowMs = world.session.deadlineMs ?? 0;
    world.run();
    expect(world.session.round).toMatchObject({ number: 1, attempt: 3 });
  });

  test('a pause lets the open round end, opens no other, and is bounded', () => {
    const world = worldWith(4, small);
    world.pause(true);
    world.run();
    for (let i = 0; i < 4; i++) expect(world.update(`lib-${i}`)).toBe(true);
    world.run();
    expect(world.session).toMatchObject({ version: 1, round: { number: 2, state: 'selecting' } });
    expect(world.session.deadlineMs).toBe(small.deadlines.pauseMs);
    world.nowMs = 3_600_000;
    world.run();
    world.pause(false);
    world.run();
    expect(world.session.round).toMatchObject({ number: 2, state: 'collecting' });

    const forgotten = worldWith(2, small);
    forgotten.pause(true);
    forgotten.nowMs = small.deadlines.pauseMs;
    forgotten.run();
    expect(forgotten.session).toMatchObject({
      state: 'cancelled',
      reason: 'It was paused for longer than 168 h.',
    });
  });

  test('waits for the score of the last version, for a bounded time', () => {
    const finish = (): World => {
      const world = new World(
        makeJob({ ...small, termination: { maxRounds: 1 }, evaluation: { on: 'pool' } } as never),
      );
      world.hasTestSet = true;
      for (let i = 0; i < 4; i++) world.join(`lib-${i}`);
      world.run();
      for (let i = 0; i < 4; i++) world.update(`lib-${i}`);
      world.run();
      expect(world.session.round?.state).toBe('published');
      return world;
    };
    const scored = finish();
    scored.scores.push({ version: 1, metrics: { loss: 0.5 } });
    scored.run();
    expect(scored.session).toMatchObject({ state: 'completed', best: { value: 0.5, version: 1 } });
    const silent = finish();
    silent.nowMs = silent.session.deadlineMs ?? 0;
    silent.run();
    expect(silent.session.state).toBe('completed');
  });

  test('ends early when its target is reached or patience runs out', () => {
    const target = new World(
      makeJob({
        selection: { goal: 1, overSelection: 1 },
        termination: { maxRounds: 50, target: { metric: 'loss', value: 0.3 } },
        evaluation: { on: 'none' },
      }),
    );
    target.join('lib');
    for (target.run(); !target.isOver; target.run()) target.update('lib');
    expect(target.session).toMatchObject({
      state: 'completed',
      version: 4,
      reason: 'Target reached: loss 0.2500 in version 4.',
    });

    const patience = new World(
      makeJob({
        selection: { goal: 1, overSelection: 1 },
        termination: { maxRounds: 50, patience: 3 },
        evaluation: { on: 'both' },
      }),
    );
    patience.join('lib');
    patience.scores.push({ version: 1, metrics: { loss: 0.1 } });
    for (patience.run(); !patience.isOver; patience.run()) patience.update('lib');
    expect(patience.session).toMatchObject({
      state: 'completed',
      version: 4,
      reason: 'No better loss for 3 rounds.',
    });
  });

  test('is looked at again before its deadline at the latest', () => {
    const world = worldWith(4, small);
    world.nowMs = 119_500;
    expect(wakeAtMs(world.snapshot())).toBe(120_000);
  });
});
