import { describe, expect, test } from '@jest/globals';
import type { Change } from '../../src/core/decision.js';
import type { NodeRecord } from '../../src/protocol/records.js';
import { testContext, type TestContext } from '../helpers/context.js';
import { SERVERS } from '../helpers/servers.js';
import { makeJob, World } from '../core/world.js';

const at = { repoId: 'repo', sessionId: 's-1', round: 1, attempt: 1 };
const update = (libraryId: string, updateId = 'u1') => ({
  libraryId,
  updateId,
  blob: `u.${libraryId}-${updateId}`,
  numExamples: 100,
  metrics: { loss: 0.1234567890123456 },
  evaluation: null,
});

/** A session whose first round collects from a, b and c. */
async function collecting(cluster: boolean): Promise<TestContext & { world: World }> {
  const context = await testContext({ cluster });
  const world = new World(makeJob({ selection: { goal: 3, overSelection: 1 }, continuation: { value: 1 } }));
  for (const id of ['a', 'b', 'c']) world.join(id);
  let rev = 0;
  for (const change of world.run()) rev = (await context.stores.sessions.write(change, { rev })) ?? -1;
  expect(rev).toBeGreaterThan(0);
  return { ...context, world };
}

describe.each(SERVERS)('a round in $server', ({ cluster }) => {
  test('counts an update once, and answers its repetition alike', async () => {
    const { stores } = await collecting(cluster);
    expect(await stores.rounds.commit(at, update('a'))).toEqual({
      ...{ duplicate: false, received: 1, needed: 3, blobs: 1 },
    });
    expect(await stores.rounds.commit(at, update('a'))).toEqual({
      ...{ duplicate: true, received: 1, needed: 3, blobs: 1 },
    });
    await expect(stores.rounds.commit(at, update('a', 'u2'))).rejects.toMatchObject({
      code: 'update_already_received',
    });
    const [receipt] = await stores.rounds.receipts(at);
    expect(receipt).toEqual({ ...update('a'), receivedMs: expect.any(Number) });
    expect(await stores.rounds.assignment(at, 'a')).toMatchObject({ state: 'received', updateId: 'u1' });
  });

  test('counts each of many racing repetitions once', async () => {
    const { stores } = await collecting(cluster);
    const tries = ['a', 'b', 'c'].flatMap((id) =>
      [1, 2, 3, 4].map(() => stores.rounds.commit(at, update(id))),
    );
    const answers = await Promise.all(tries);
    expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(3);
    expect(await stores.rounds.countReceipts(at)).toBe(3);
  });

  test('refuses whoever was not asked, has given up, or comes to another round', async () => {
    const { stores } = await collecting(cluster);
    await expect(stores.rounds.commit(at, update('z'))).rejects.toMatchObject({ code: 'not_assigned' });
    await expect(
      stores.rounds.settle(at, { libraryId: 'z', state: 'accepted', reason: '' }),
    ).rejects.toMatchObject({ code: 'not_assigned' });
    await expect(stores.rounds.commit({ ...at, round: 2 }, update('a'))).rejects.toMatchObject({
      code: 'round_closed',
    });
    await expect(
      stores.rounds.settle({ ...at, attempt: 2 }, { libraryId: 'a', state: 'accepted', reason: '' }),
    ).rejects.toMatchObject({ code: 'round_closed' });
    await stores.rounds.settle(at, { libraryId: 'a', state: 'declined', reason: 'on battery' });
    await expect(stores.rounds.commit(at, update('a'))).rejects.toMatchObject({ code: 'assignment_over' });
    expect(await stores.rounds.assignment(at, 'a')).toMatchObject({
      state: 'declined',
      reason: 'on battery',
    });
  });

  test('accepting twice is fine, and a declined assignment stays declined', async () => {
    const { stores } = await collecting(cluster);
    const accept = { libraryId: 'a', state: 'accepted' as const, reason: '' };
    expect(await stores.rounds.settle(at, accept)).toBe(true);
    expect(await stores.rounds.settle(at, accept)).toBe(false);
    expect(await stores.rounds.settle(at, { ...accept, state: 'declined' })).toBe(true);
    await expect(stores.rounds.settle(at, accept)).rejects.toMatchObject({ code: 'assignment_over' });
  });

  test('answers each of those who speak at once for himself', async () => {
    const { stores } = await collecting(cluster);
    const say = (libraryId: string, state: 'accepted' | 'declined'): Promise<boolean> =>
      stores.rounds.settle(at, { libraryId, state, reason: '' });
    const all = [say('a', 'accepted'), say('z', 'accepted'), say('b', 'declined'), say('a', 'accepted')];
    expect(await Promise.allSettled(all)).toMatchObject([
      { value: true },
      { reason: { code: 'not_assigned' } },
      { value: true },
      { value: false },
    ]);
    const read = await Promise.all(['b', 'z', 'a'].map((id) => stores.rounds.assignment(at, id)));
    expect(read).toMatchObject([{ state: 'declined' }, null, { state: 'accepted' }]);
  });

  test('closes only over the updates that the decision knew of, and then takes no more', async () => {
    const { stores, world } = await collecting(cluster);
    for (const id of ['a', 'b', 'c']) world.update(id);
    const [close] = world.run();
    if (close === undefined) throw new Error('it should close');
    const { rev } = await stores.sessions.get('repo', 's-1');
    await stores.rounds.commit(at, update('a'));
    expect(await stores.sessions.write(close, { rev, expectedReceipts: 3 })).toBeNull();
    await stores.rounds.commit(at, update('b'));
    await stores.rounds.commit(at, update('c'));
    expect(await stores.sessions.write(close, { rev, expectedReceipts: 3 })).toBe(rev + 1);
    // The lost acknowledgement of a counted update is still repeated; anything else is too late.
    expect(await stores.rounds.commit(at, update('b'))).toMatchObject({ duplicate: true });
    await expect(
      stores.rounds.settle(at, { libraryId: 'a', state: 'accepted', reason: '' }),
    ).rejects.toMatchObject({ code: 'round_closed' });
  });

  test('moves the pointer of a partial by compare-and-set', async () => {
    const { stores } = await collecting(cluster);
    const first = { folded: 2, blob: 'p.1.1.x' };
    const move = (from: typeof first | null, folded: number) =>
      stores.rounds.commitFold(at, 0, { from, to: { folded, blob: `p.1.1.${folded}` }, ttlMs: 60_000 });
    expect(await stores.rounds.commitFold(at, 0, { from: null, to: first, ttlMs: 60_000 })).toBe(true);
    expect(await move(null, 3)).toBe(false);
    expect(await stores.rounds.fold(at, 0)).toEqual(first);
    expect((await Promise.all([move(first, 3), move(first, 4)])).filter(Boolean)).toHaveLength(1);
  });
});

describe.each(SERVERS)('a Library that lost its assignment in $server', ({ cluster }) => {
  test('may be asked again, and counts once; nobody else is', async () => {
    const { stores, world } = await collecting(cluster);
    const write = async (change: Pick<Change, 'assign' | 'expire'>): Promise<void> => {
      const { rev } = await stores.sessions.get('repo', 's-1');
      await stores.sessions.write({ next: world.session, events: [], ...change }, { rev });
    };
    await stores.rounds.commit(at, update('b'));
    await stores.rounds.settle(at, { libraryId: 'c', state: 'declined', reason: '' });
    await write({ expire: ['a', 'b', 'c'] });
    await expect(stores.rounds.commit(at, update('a'))).rejects.toMatchObject({ code: 'assignment_over' });
    await write({ assign: ['a', 'b', 'c'] });
    const states = [...(await stores.rounds.assignments(at))].map(([id, { state }]) => [id, state]);
    expect(Object.fromEntries(states)).toEqual({ a: 'offered', b: 'received', c: 'declined' });
    expect(await stores.rounds.commit(at, update('a'))).toMatchObject({ duplicate: false, received: 2 });
    expect(await stores.rounds.commit(at, update('a'))).toMatchObject({ duplicate: true, received: 2 });
    expect(await stores.rounds.commit(at, update('b'))).toMatchObject({ duplicate: true, received: 2 });
  });
});

describe.each(SERVERS)('whether the pool can be reached, in $server', ({ cluster }) => {
  const node = (role: 'gateway' | 'coordinator'): NodeRecord => ({
    ...{ nodeId: role, role, version: '1', host: 'here', pid: 1, startedMs: 0, url: null },
    ...{ slots: 0, busySlots: 0, connections: 0, rssMiB: 1 },
  });

  test('is what its gateways say, without a break', async () => {
    const { stores } = await testContext({ cluster });
    const { redis, keys } = stores.context;
    // As long as no gateway ever said so, as before there was such a report.
    await stores.pool.reportNode(node('coordinator'));
    expect(await stores.pool.reachableMs()).toBe(Infinity);
    await stores.pool.reportNode(node('gateway'));
    expect(await stores.pool.reachableMs()).toBeLessThan(1_000);

    const wasThere = async (sinceMs: number, untilMs: number): Promise<void> => {
      const nowMs = Number(await redis.hget(keys.reachable(), 'untilMs'));
      await redis.hset(keys.reachable(), { sinceMs: nowMs - sinceMs, untilMs: nowMs - untilMs });
    };
    await wasThere(60_000, 2_000);
    expect(await stores.pool.reachableMs()).toBeGreaterThanOrEqual(60_000);
    await stores.pool.reportNode(node('gateway'));
    expect(await stores.pool.reachableMs()).toBeGreaterThanOrEqual(60_000);

    await wasThere(60_000, 5_000);
    await stores.pool.reportNode(node('coordinator'));
    expect(await stores.pool.reachableMs()).toBe(0);
    await stores.pool.reportNode(node('gateway'));
    expect(await stores.pool.reachableMs()).toBeLessThan(1_000);
  });
});

describe.each(SERVERS)('presence in $server', ({ cluster }) => {
  test('a join says whether anything is new; an old connection cannot take a newer one away', async () => {
    const { stores } = await testContext({ cluster });
    const mnist = [{ datasetId: 'mnist', numExamples: 5 }];
    expect(await stores.libraries.join('repo', 'a', { datasets: mnist, connection: 'c1' })).toBe(true);
    expect(await stores.libraries.join('repo', 'a', { datasets: mnist, connection: 'c2' })).toBe(false);
    expect(await stores.libraries.leave('repo', 'a', 'c1')).toBe(false);
    expect(await stores.libraries.countOnline('repo')).toBe(1);
    expect(await stores.libraries.candidates('repo', 'mnist')).toEqual([{ libraryId: 'a', numExamples: 5 }]);
    expect(await stores.libraries.candidates('repo', 'other')).toEqual([]);
    expect(await stores.libraries.candidates('other-repo', 'mnist')).toEqual([]);
    expect(await stores.libraries.leave('repo', 'a', 'c2')).toBe(true);
    expect(await stores.libraries.countOnline('repo')).toBe(0);
    // Away at once, but its lease runs from when it was last seen.
    const [absentMs = 0, never] = await stores.libraries.absentMs('repo', ['a', 'never']);
    expect(absentMs).toBeGreaterThan(6_000);
    expect(absentMs).toBeLessThan(12_000);
    expect(never).toBe(Infinity);
    // Who has not joined does not come in by saying that he is there.
    await stores.libraries.touch('repo', ['a', 'never']);
    expect(await stores.libraries.countOnline('repo')).toBe(1);
  });
});

describe.each(SERVERS)('the pool registry in $server', ({ cluster }) => {
  test('a due session is claimed by one, and comes again when nobody looks', async () => {
    const { stores } = await testContext({ cluster });
    const session = { repoId: 'repo', sessionId: 's-1' };
    await stores.pool.setDue(session, 0);
    const claims = await Promise.all(
      [1, 2, 3].map(() => stores.pool.claimDue({ limit: 10, putOffMs: 60_000 })),
    );
    expect(claims.flat()).toEqual([session]);
    await stores.pool.ensureDue([session]);
    expect(await stores.pool.claimDue({ limit: 10, putOffMs: 60_000 })).toEqual([]);
    await stores.pool.forget(session);
    await stores.pool.ensureDue([session]);
    expect(await stores.pool.claimDue({ limit: 10, putOffMs: 0 })).toEqual([session]);
  });
});
