import { describe, expect, test } from '@jest/globals';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { eventually } from '../helpers/eventually.js';
import { joinedSession } from '../helpers/joined-session.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { spawnNode } from '../helpers/processes.js';
import { allKeys, connectTo } from '../helpers/servers.js';
import { startS3 } from '../helpers/s3.js';

const LIBRARIES: Readonly<Record<string, number>> = { ada: 100, ben: 37, cyd: 512, dee: 1, eve: 64, fay: 9 };
const SHARD_PARAMS = 500;
const ROUNDS = 6;

/** Keys of Redis that hold bytes. */
async function blobKeys({ server, prefix }: TestPool): Promise<string[]> {
  const redis = await connectTo(server);
  try {
    return (await allKeys(redis, prefix)).filter((key) => /\{[^}]*:[^}]*:[^}]*\}/.test(key));
  } finally {
    await redis.quit();
  }
}

describe('a pool with its bytes in an object store', () => {
  test('loses an aggregator, then the store for a while, and comes to the bytes that it must', async () => {
    const s3 = await startS3();
    const env = { ...s3.env(), SHARD_PARAMS: String(SHARD_PARAMS) };
    const pool = await startPool({ roles: { gateway: 2, coordinator: 2, aggregator: 2 }, env });
    const started = await joinedSession(pool, { libraries: LIBRARIES, rounds: ROUNDS });
    const { repoId, explora, model, session } = started;
    const reached = (version: number): Promise<unknown> =>
      eventually(async () => (await session.get()).version >= version, { withinMs: 30_000 });
    await reached(1);
    const [victim] = pool.of('aggregator');
    await victim?.kill9();
    if (victim !== undefined) await pool.replace(victim);
    await reached(3);
    await s3.process.kill9();
    const refused = await eventually(() =>
      explora.uploadModel(model).then(
        () => false,
        (error: unknown) => error,
      ),
    );
    expect(refused).toMatchObject({ code: 'blob_store_unavailable' });
    await s3.restart();

    const view = await session.result({ signal: AbortSignal.timeout(60_000) });
    expect(view).toMatchObject({ state: 'completed', version: ROUNDS });
    const all = { attempt: 1, updates: Object.keys(LIBRARIES).length };
    expect(view.history).toMatchObject(Array.from({ length: ROUNDS }, () => all));
    const expected = {
      weights: model.weights,
      libraries: LIBRARIES,
      rounds: ROUNDS,
      shardParams: SHARD_PARAMS,
    };
    expect(view.history.at(-1)?.sha256).toBe(await expectedSha256(expected));
    const { record } = await explora.downloadModel(view.resultModelId ?? '');
    expect(record.parameters.sha256).toBe(view.history.at(-1)?.sha256);

    expect(await blobKeys(pool)).toEqual([]);
    expect(s3.keys().length).toBeGreaterThan(0);
    // Updates and partials of rounds that are over are gone, or will be by their time.
    const answer = await pool.fetch(`/v1/repos/${repoId}`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
    expect(s3.keys()).toEqual([]);
  }, 120_000);
});

describe('the start of a process', () => {
  test.each(['gateway', 'aggregator'])('of a %s whose bucket is not there says so', async (role) => {
    const s3 = await startS3();
    const env = {
      ...s3.env({ bucket: 'nobodys' }),
      REDIS_URL: process.env['TEST_REDIS_URL'],
      LOG_LEVEL: 'silent',
    };
    const node = spawnNode(['bin/cloud-node.mjs', role], { env: { ...env, AUTH_SECRET: 'x'.repeat(32) } });
    expect(await node.ended).toBe(69);
    expect(node.lines.join('\n')).toMatch(/The bucket "nobodys" at http:.* can not be used: .*Create it/);
  });

  test.each([
    { store: 'redis', loads: false },
    { store: 's3://bytes?endpoint=http://127.0.0.1:1', loads: true },
  ])('loads what object stores need for $store: $loads', async ({ store, loads }) => {
    const program = `
      const { createBlobStore } = await import('./dist/src/blobs/create-blob-store.js');
      await createBlobStore({ BLOB_STORE: ${JSON.stringify(store)} }, { keys: { prefix: 'x' } });
      const { Module } = await import('node:module');
      console.log(JSON.stringify({ loads: Object.keys(Module._cache).some((file) => file.includes('@aws-sdk')) }));`;
    const node = spawnNode(['--input-type=module', '--eval', program]);
    expect(JSON.parse(await node.waitForLine(/loads/))).toEqual({ loads });
  });
});
