import { describe, expect, test } from '@jest/globals';
import { POOL_TRAIL, type AuditEntry } from '../../src/protocol/audit.js';
import { AuditTrail, type NewAuditEntry } from '../../src/redis/audit-trail.js';
import type { Stores } from '../../src/redis/stores.js';
import { verify } from '../audit/trail.js';
import { testContext } from '../helpers/context.js';
import { SERVERS } from '../helpers/servers.js';

const made = (n: number): NewAuditEntry => ({
  action: 'key.created',
  actor: { kind: 'token', id: 'ada', role: 'owner' },
  address: '192.0.2.1',
  target: { n },
  result: 'ok',
  count: 1,
});
const all = (trail: AuditTrail, name: string): Promise<string[]> =>
  trail.read(name, { after: 0, limit: 10_000 });
const entries = async (trail: AuditTrail, name: string): Promise<AuditEntry[]> =>
  (await all(trail, name)).map((line) => JSON.parse(line) as AuditEntry);

async function repo({ repos }: Stores, repoId = 'clinic'): Promise<string> {
  await repos.create({ v: 1, repoId, name: '', createdMs: 1, concurrency: 1, maxSlots: null, limits: {} });
  return repoId;
}

describe.each(SERVERS)('an audit trail in $server', ({ cluster }) => {
  test('is one chain, however many write at once', async () => {
    const { stores } = await testContext({ cluster });
    const repoId = await repo(stores);
    const writers = Array.from({ length: 5 }, () => new AuditTrail(stores.context, 1_000));
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    await Promise.all(numbers.map((n) => (writers[n % 5] ?? stores.audit).append(repoId, made(n))));
    const lines = await all(stores.audit, repoId);
    const head = await stores.audit.head(repoId);
    expect(await verify(lines, { last: head.sha256 })).toMatchObject({ ok: true, entries: 200 });
    const written = (await entries(stores.audit, repoId)).map(({ target }) => target['n'] as number);
    expect(written.sort((a, b) => a - b)).toEqual(numbers);
    const times = (await entries(stores.audit, repoId)).map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('that is full drops its oldest tenth, and the rest can still be verified', async () => {
    const { stores } = await testContext({ cluster });
    const repoId = await repo(stores);
    const trail = new AuditTrail(stores.context, 100);
    for (let n = 0; n < 250; n += 10)
      await Promise.all(Array.from({ length: 10 }, (_, i) => trail.append(repoId, made(n + i))));
    const kept = await entries(trail, repoId);
    expect(kept.length).toBeLessThanOrEqual(100);
    expect(kept.length).toBeGreaterThanOrEqual(90);
    expect(kept[0]?.seq).toBeGreaterThan(100);
    const { sha256 } = await trail.head(repoId);
    expect(await verify(await all(trail, repoId), { last: sha256 })).toMatchObject({ ok: true });
    const anchor = kept.filter(({ action }) => action === 'trail.trimmed').at(-1);
    expect(anchor?.target).toEqual({
      throughSeq: (kept[0]?.seq ?? 0) - 1,
      throughSha256: kept[0]?.prevSha256,
      entries: 10,
    });
  });

  test('has what happens once no more than once, and only while there is such a Repo', async () => {
    const { stores } = await testContext({ cluster });
    const repoId = await repo(stores);
    const again = new AuditTrail(stores.context, 1_000);
    const once = (mark: 'started' | 'ended') => ({ sessionId: 's-1', mark });
    const written = await Promise.all(
      [stores.audit, again, stores.audit, again].map((trail) =>
        trail.append(repoId, made(0), once('started')),
      ),
    );
    expect(written.filter(Boolean)).toHaveLength(1);
    expect(await again.append(repoId, made(1), once('ended'))).toBe(true);
    expect(await again.append(repoId, made(2), once('started'))).toBe(false);
    expect(await stores.audit.append('nowhere', made(3))).toBe(false);
    expect(await all(stores.audit, 'nowhere')).toEqual([]);
    expect((await entries(stores.audit, repoId)).map(({ target }) => target['n'])).toEqual([0, 1]);
  });

  test('of the pool needs no Repo', async () => {
    const { stores } = await testContext({ cluster });
    expect(await stores.audit.append(POOL_TRAIL, made(1))).toBe(true);
    expect(await verify(await all(stores.audit, POOL_TRAIL))).toMatchObject({ ok: true, entries: 1 });
  });
});
