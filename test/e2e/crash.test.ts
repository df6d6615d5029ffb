import { describe, expect, test } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { joinedSession } from '../helpers/joined-session.js';
import { startPool, type Role } from '../helpers/pool.js';

const LIBRARIES = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`lib-${i}`, 10 + i]));

describe('kill -9 in mid-session', () => {
  const each = { gateway: 2, coordinator: 2, aggregator: 2 };
  const one = { gateway: 0, coordinator: 0, aggregator: 0, 'all-in-one': 1 };
  test.each([
    { role: 'gateway', roles: each },
    { role: 'coordinator', roles: each },
    { role: 'aggregator', roles: each },
    { role: 'all-in-one', roles: { ...one, 'all-in-one': 2 } },
    // The whole pool.
    { role: 'all-in-one', roles: one },
  ] as const)(
    'of a $role of $roles costs time only: the same bytes come out',
    async ({ role, roles }: { role: Role; roles: Partial<Record<Role, number>> }) => {
      const pool = await startPool({
        roles,
        env: { SHARD_PARAMS: '500' },
      });
      const { model, session } = await joinedSession(pool, { libraries: LIBRARIES, rounds: 6 });
      for (const round of [2, 4]) {
        await eventually(async () => (await session.get()).version >= round, { withinMs: 30_000 });
        const [victim] = pool.of(role);
        await victim?.kill9();
        if (victim !== undefined) await pool.replace(victim);
      }
      const view = await session.result();
      expect(view).toMatchObject({ state: 'completed', version: 6 });
      expect(view.history.map((summary) => summary.updates)).toEqual([12, 12, 12, 12, 12, 12]);
      expect(view.history[5]?.sha256).toBe(
        await expectedSha256({ weights: model.weights, libraries: LIBRARIES, rounds: 6, shardParams: 500 }),
      );
    },
    60_000,
  );
});

describe('without a Redis', () => {
  test.each(['gateway', 'coordinator', 'aggregator', 'evaluator', 'all-in-one'])(
    'a %s tries for a while, then says what to do',
    async (role) => {
      const { spawnNode } = await import('../helpers/processes.js');
      const env = {
        REDIS_URL: 'redis://127.0.0.1:1',
        REDIS_CONNECT_MS: '600',
        AUTH_SECRET: 'x'.repeat(32),
        LOG_LEVEL: 'silent',
      };
      const process = spawnNode(['bin/cloud-node.mjs', role], { env });
      expect(await process.ended).toBe(69);
      expect(process.lines.join('\n')).toMatch(
        /Redis at redis:\/\/127\.0\.0\.1:1 did not answer within 0\.6 s .*set REDIS_URL/,
      );
    },
  );
});
