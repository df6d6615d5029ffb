import { describe, expect, test } from '@jest/globals';
import type { Change } from '../../src/core/decision.js';
import { createStores } from '../../src/redis/stores.js';
import type { Logger } from '../../src/telemetry/logger.js';
import { makeJob, newSession } from '../core/world.js';
import { testContext } from '../helpers/context.js';
import { SERVERS } from '../helpers/servers.js';

const queued = (change: Partial<Change> = {}): Change => ({
  next: newSession(makeJob()),
  events: [{ type: 'session.queued', reason: null }],
  ...change,
});

describe.each(SERVERS)('sessions in $server', ({ cluster }) => {
  test('are written by compare-and-set: the second writer of a revision changes nothing', async () => {
    const { stores } = await testContext({ cluster });
    const first = queued();
    expect(await stores.sessions.write(first, { rev: 0 })).toBe(1);
    expect(await stores.sessions.write(first, { rev: 0 })).toBeNull();
    const stored = await stores.sessions.get('repo', 's-1');
    expect(stored).toEqual({ rev: 1, record: first.next });
    const failed = { ...first.next, state: 'failed' as const, reason: 'No.', deadlineMs: null, endedMs: 5 };
    const racers = await Promise.all(
      [1, 2, 3].map(() => stores.sessions.write({ next: failed, events: [] }, { rev: 1 })),
    );
    expect(racers.filter((rev) => rev !== null)).toEqual([2]);
  });

  test('are told of by the writer that succeeded, and by no other', async () => {
    const { stores } = await testContext({ cluster });
    const lines: object[] = [];
    const log = { info: (line: object) => lines.push(line) } as unknown as Logger;
    const writers = [1, 2, 3].map(() => createStores(stores.context, { log }).sessions);
    const first = queued();
    await Promise.all(writers.map((writer) => writer.write(first, { rev: 0 })));
    const failed = {
      ...first.next,
      state: 'failed' as const,
      reason: 'No.',
      stateSinceMs: 70,
      deadlineMs: null,
      endedMs: 70,
    };
    await Promise.all(
      writers.map((writer) => writer.write({ next: failed, events: [] }, { rev: 1, before: first.next })),
    );
    const at = { repoId: 'repo', sessionId: 's-1' };
    expect(lines).toEqual([
      { ...at, from: null, to: 'queued', reason: null, inStateMs: null },
      { ...at, from: 'queued', to: 'failed', reason: 'No.', inStateMs: 70 },
    ]);
  });

  test('are listed, active while they need a coordinator, and queue in order of creation', async () => {
    const { stores } = await testContext({ cluster });
    for (const [i, sessionId] of ['s-b', 's-a'].entries()) {
      await stores.sessions.write(queued({ next: { ...newSession(makeJob(), i), sessionId } }), { rev: 0 });
    }
    expect(await stores.sessions.activeIds('repo')).toEqual(['s-b', 's-a']);
    expect((await stores.sessions.list('repo')).map((s) => s.sessionId)).toEqual(['s-a', 's-b']);
    const { record } = await stores.sessions.get('repo', 's-b');
    await stores.sessions.write(
      { next: { ...record, state: 'cancelled', deadlineMs: null }, events: [] },
      { rev: 1 },
    );
    expect(await stores.sessions.activeIds('repo')).toEqual(['s-a']);
    expect(await stores.sessions.list('repo')).toHaveLength(2);
  });

  test('keep an event log that can be resumed by id', async () => {
    const { stores } = await testContext({ cluster });
    await stores.sessions.write(
      queued({ events: [1, 2, 3].map((round) => ({ type: 'round.closed', round, updates: 1 })) }),
      { rev: 0 },
    );
    const all = await stores.events.read('repo', 's-1', { afterId: null });
    expect(all.map((entry) => entry.event)).toEqual(
      [1, 2, 3].map((round) => ({ type: 'round.closed', round, updates: 1 })),
    );
    const rest = await stores.events.read('repo', 's-1', { afterId: all[0]?.id ?? null });
    expect(rest).toEqual(all.slice(1));
  });

  test('keep each score once', async () => {
    const { stores } = await testContext({ cluster });
    await stores.sessions.write(queued({ events: [] }), { rev: 0 });
    await stores.sessions.addScore('repo', 's-1', { version: 2, metrics: { loss: 0.1234567890123456 } });
    await stores.sessions.addScore('repo', 's-1', { version: 2, metrics: { loss: 9 } });
    expect(await stores.sessions.scores('repo', 's-1')).toEqual([
      { version: 2, metrics: { loss: 0.1234567890123456 } },
    ]);
    expect(await stores.events.read('repo', 's-1', { afterId: null })).toHaveLength(1);
  });

  test('refuse a record of a newer version instead of misreading it', async () => {
    const { stores } = await testContext({ cluster });
    await stores.sessions.write(queued({ next: { ...newSession(makeJob()), v: 2 as never } }), { rev: 0 });
    await expect(stores.sessions.get('repo', 's-1')).rejects.toMatchObject({ code: 'internal' });
  });
});
