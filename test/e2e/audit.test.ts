import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../src/protocol/audit.js';
import { eventually } from '../helpers/eventually.js';
import { joinedSession } from '../helpers/joined-session.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { spawnNode } from '../helpers/processes.js';
import { allKeys, connectTo } from '../helpers/servers.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'cn-audit-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs the command against the pool as its administrator; its exit code and the JSON that it printed. */
async function command(pool: TestPool, ...args: string[]): Promise<{ code: unknown; answer: unknown }> {
  const env = { CLOUD_NODE_TOKEN: await pool.token('admin') };
  const url = pool.gateways.map((gateway) => gateway.url).join(',');
  const process = spawnNode(['bin/cloud-node.mjs', ...args, '--json', '--url', url], { env });
  const code = await process.ended;
  return { code, answer: JSON.parse(process.lines.at(-1) ?? 'null') as unknown };
}

describe('the audit trail of a pool of real processes', () => {
  test('has each session once, is exported and verified by the command, and ends with the Repo', async () => {
    const pool = await startPool({ roles: { gateway: 2, coordinator: 2 } });
    const { repoId, session } = await joinedSession(pool, { libraries: { ada: 5, ben: 7 }, rounds: 2 });
    const { sessionId } = session;
    await session.result();

    const file = path.join(dir, 'trail.jsonl');
    const exported = async (): Promise<AuditEntry[]> => {
      const { code } = await command(pool, 'audit', 'export', repoId, '--out', file);
      expect(code).toBe(0);
      return (await readFile(file, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditEntry);
    };
    // The coordinator writes it when it has looked once more.
    const entries = await eventually(
      async () => {
        const read = await exported();
        expect(read.map(({ action }) => action)).toContain('session.ended');
        return read;
      },
      { withinMs: 20_000 },
    );
    const of = (action: string): unknown[] =>
      entries.filter((entry) => entry.action === action).map((e) => e.target);
    expect(of('session.started')).toEqual([{ sessionId }]);
    expect(of('session.ended')).toEqual([{ sessionId, state: 'completed', version: 2 }]);
    expect(of('job.submitted')).toMatchObject([{ sessionId }]);
    expect(
      new Set(of('library.joined').map((target) => (target as { libraryId: string }).libraryId)),
    ).toEqual(new Set(['ada', 'ben']));
    expect(of('update.received')).toContainEqual({ libraryId: 'ada', sessionId });

    const last = entries.at(-1)?.sha256 ?? '';
    expect(await command(pool, 'audit', 'verify', file, '--last', last)).toMatchObject({
      code: 0,
      answer: { ok: true, entries: entries.length, last: { seq: entries.length, sha256: last } },
    });
    expect(await command(pool, 'audit', 'verify', '--repo', repoId)).toMatchObject({
      code: 0,
      answer: { ok: true },
    });
    expect(await command(pool, 'audit', 'verify', '--pool')).toMatchObject({ code: 0, answer: { ok: true } });
    const lines = (await readFile(file, 'utf8')).split('\n');
    lines.splice(3, 1);
    await writeFile(file, lines.join('\n'));
    expect(await command(pool, 'audit', 'verify', file)).toMatchObject({
      code: 1,
      answer: { ok: false, fault: { line: 4, seq: 5, kind: 'removed' } },
    });

    const { answer } = await command(pool, 'repo', 'delete', repoId, '--yes');
    expect(answer).toMatchObject({ deleted: true, removed: { sessions: 1, libraries: 2 } });
    const redis = await connectTo(pool.server);
    try {
      await eventually(async () => {
        const left = (await allKeys(redis, pool.prefix)).filter((key) => key.includes(repoId));
        expect(left).toEqual([]);
      });
    } finally {
      await redis.quit();
    }
  });
});
