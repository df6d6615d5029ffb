import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { neededUpdates } from '../../src/core/job.js';
import { weightedMetrics } from '../../src/core/metrics.js';
import { grantRentals, grantSlots, slotsWanted } from '../../src/core/rental.js';
import { seatsWanted, selectLibraries } from '../../src/core/selection.js';
import { makeJob } from './world.js';

const candidates = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 40 })
  .map((ids) => ids.map((libraryId) => ({ libraryId, numExamples: 1 })));

describe('selection', () => {
  test('takes goal × overSelection different Libraries, the same whatever the order they are listed in', () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 30 }), fc.nat(), (all, goal, seed) => {
        const job = makeJob({ selection: { goal }, continuation: { minUpdates: 1 } });
        const key = { seed, number: 1, attempt: 1 };
        const chosen = selectLibraries(job, all, key);
        expect(chosen).toHaveLength(Math.min(all.length, seatsWanted(job)));
        expect(new Set(chosen.map((c) => c.libraryId)).size).toBe(chosen.length);
        expect(selectLibraries(job, [...all].reverse(), key)).toEqual(chosen);
      }),
    );
  });

  test('chooses every Library about equally often over rounds', () => {
    const all = Array.from({ length: 10 }, (_, i) => ({ libraryId: `l${i}`, numExamples: 1 }));
    const job = makeJob({ selection: { goal: 3, overSelection: 1 } });
    const counts = new Map<string, number>();
    for (let number = 1; number <= 2_000; number++) {
      for (const { libraryId } of selectLibraries(job, all, { seed: 42, number, attempt: 1 }))
        counts.set(libraryId, (counts.get(libraryId) ?? 0) + 1);
    }
    // Expected 600 each; 5 standard deviations are about 100.
    for (const count of counts.values()) expect(Math.abs(count - 600)).toBeLessThan(105);
  });
});

describe('continuation', () => {
  test.each([
    [{ type: 'percentageAveraged', value: 0.75 }, 10, 8],
    [{ type: 'percentageAveraged', value: 0.7 }, 10, 7],
    [{ type: 'percentageAveraged', value: 1 }, 10, 10],
    [{ type: 'percentageAveraged', value: 0.01 }, 10, 3],
    [{ type: 'count', value: 5 }, 10, 5],
    [{ type: 'count', value: 50 }, 10, 13],
  ] as const)('%j of goal %i needs %i', (continuation, goal, needed) => {
    expect(
      neededUpdates(makeJob({ selection: { goal }, continuation }), {
        goal,
        selected: seatsWanted(makeJob({ selection: { goal } })),
      }),
    ).toBe(needed);
  });
});

describe('metrics', () => {
  test('are averaged by numExamples, over those that report them, whatever the order', () => {
    const reports = [
      { numExamples: 1, metrics: { loss: 1, accuracy: 0.5 } },
      { numExamples: 3, metrics: { loss: 2 } },
      { numExamples: 6, metrics: null },
    ];
    expect(weightedMetrics(reports)).toEqual({ loss: 1.75, accuracy: 0.5 });
    expect(weightedMetrics([...reports].reverse())).toEqual({ loss: 1.75, accuracy: 0.5 });
    expect(weightedMetrics([])).toBeNull();
  });
});

describe('rental', () => {
  const wants = fc
    .array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })
    .map((all) => all.map((slots, i) => ({ key: `s${i}`, slots })));

  test('is max-min fair: nobody gets more than wanted, nothing is left while somebody wants it, order does not matter', () => {
    fc.assert(
      fc.property(wants, fc.integer({ min: 1, max: 100 }), (all, capacity) => {
        const grants = grantSlots(all, capacity);
        const given = (key: string): number => grants.get(key) ?? 0;
        const total = all.reduce((sum, want) => sum + given(want.key), 0);
        for (const want of all) expect(given(want.key)).toBeLessThanOrEqual(want.slots);
        for (const want of all) expect(given(want.key)).toBeGreaterThanOrEqual(1);
        expect(total).toBeLessThanOrEqual(Math.max(capacity, all.length));
        const short = all.filter((want) => given(want.key) < want.slots);
        if (short.length > 0) expect(total).toBeGreaterThanOrEqual(Math.min(capacity, all.length));
        if (short.length > 0 && capacity >= all.length) expect(total).toBe(capacity);
        // Whoever goes short has at least as much as anybody else, up to the rounding of a share.
        for (const want of short)
          for (const other of all) expect(given(want.key)).toBeGreaterThanOrEqual(given(other.key) - 1);
        expect([...grantSlots([...all].reverse(), capacity)].sort()).toEqual([...grants].sort());
      }),
    );
  });

  test('is fair between Repos first: many sessions, or large ones, are no way to a larger share', () => {
    const want = (repoId: string, i: number, slots: number, quota: number | null = null) => ({
      key: `${repoId}/${i}`,
      repoId,
      slots,
      quota,
    });
    const greedy = [0, 1, 2, 3].map((i) => want('greedy', i, 8));
    const alone = grantRentals(greedy, 8);
    expect([...alone.values()]).toEqual([2, 2, 2, 2]);
    // A newcomer gets half, what it does not want stays lent, and a quota binds whoever has one.
    expect(grantRentals([...greedy, want('new', 0, 8)], 8).get('new/0')).toBe(4);
    const modest = grantRentals([...greedy, want('new', 0, 2)], 8);
    expect([...modest.values()].sort()).toEqual([1, 1, 2, 2, 2]);
    expect(grantRentals([want('bound', 0, 8, 3), want('other', 0, 8)], 16).get('bound/0')).toBe(3);
  });

  test('gives every session a slot, and no Repo more than its quota while its sessions are no more', () => {
    const some = fc.record({
      repoId: fc.constantFrom('a', 'b', 'c'),
      slots: fc.integer({ min: 1, max: 20 }),
    });
    const quotas = fc.record({ a: fc.integer({ min: 1, max: 9 }), b: fc.constant(null), c: fc.constant(2) });
    fc.assert(
      fc.property(
        fc.array(some, { maxLength: 12 }),
        quotas,
        fc.integer({ min: 1, max: 30 }),
        (all, q, capacity) => {
          const wants = all.map((one, i) => ({ ...one, key: String(i), quota: q[one.repoId] }));
          const grants = grantRentals(wants, capacity);
          for (const want of wants) {
            const granted = grants.get(want.key) ?? 0;
            expect(granted).toBeGreaterThanOrEqual(1);
            expect(granted).toBeLessThanOrEqual(want.slots);
          }
          for (const repoId of ['a', 'c'] as const) {
            const own = wants.filter((want) => want.repoId === repoId);
            const total = own.reduce((sum, want) => sum + (grants.get(want.key) ?? 0), 0);
            expect(total).toBeLessThanOrEqual(Math.max(q[repoId], own.length));
          }
          expect([...grantRentals([...wants].reverse(), capacity)].sort()).toEqual([...grants].sort());
        },
      ),
    );
  });

  test('wants no more slots than there are shards', () => {
    expect(slotsWanted({ paramCount: 200_000, shardCount: 1, expectedUpdates: 10_000 })).toBe(1);
    expect(slotsWanted({ paramCount: 100_000_000, shardCount: 382, expectedUpdates: 10 })).toBe(15);
  });
});
