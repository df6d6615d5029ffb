import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BlobRef } from '../../src/blobs/blob-store.js';
import type { BlobEnv } from '../../src/blobs/create-blob-store.js';
import { testContext, type TestContext } from '../helpers/context.js';
import { eventually } from '../helpers/eventually.js';
import { startS3, type TestS3 } from '../helpers/s3.js';

const STORES = [
  { name: 'Redis', s3: false, cluster: false },
  { name: 'Redis Cluster', s3: false, cluster: true },
  { name: 'S3', s3: true, cluster: false },
  { name: 'S3 with Redis Cluster', s3: true, cluster: true },
];

let server: TestS3;
beforeAll(async () => {
  server = await startS3();
});

const ref = (shard: number, name = 'u.1', scope = 's-1', repoId = 'repo'): BlobRef => ({
  repoId,
  scope,
  shard,
  name,
});
const plain = (bytes: Uint8Array | null): number[] | null => (bytes === null ? null : [...bytes]);

/** What a coordinator does every few seconds. */
async function gone({ blobs }: TestContext, blob: BlobRef): Promise<void> {
  await eventually(async () => {
    await blobs.reap();
    return (await blobs.get(blob)) === null;
  });
}

describe.each(STORES)('bytes in $name', ({ s3, cluster }) => {
  const start = (): Promise<TestContext> => {
    const blobEnv: BlobEnv = s3 ? server.env() : { BLOB_STORE: 'redis' };
    return testContext({ cluster, blobEnv });
  };

  test('come back as they were put, whatever their size', async () => {
    const { blobs } = await start();
    for (const size of [1, 2, 4_095, 65_536, 65_537, 1_048_576]) {
      const bytes = randomBytes(size);
      await blobs.put(ref(size), bytes);
      const back = await blobs.get(ref(size));
      expect(back?.byteLength).toBe(size);
      expect(Buffer.compare(back ?? Buffer.alloc(0), bytes)).toBe(0);
    }
  });

  test('are those of the view that was put, not of the memory behind it', async () => {
    const { blobs } = await start();
    const check = async (memory: Uint8Array, from: number, length: number): Promise<void> => {
      const view = memory.subarray(from, Math.min(memory.length, from + length));
      if (view.length === 0) return;
      await blobs.put(ref(from), view);
      expect(plain(await blobs.get(ref(from)))).toEqual([...view]);
    };
    const memory = fc.uint8Array({ minLength: 1, maxLength: 300 });
    await fc.assert(fc.asyncProperty(memory, fc.nat(300), fc.nat(300), check), { numRuns: 30 });
  });

  test('that were put again are the later ones, and stay when the later put says so', async () => {
    const context = await start();
    const { blobs } = context;
    await blobs.put(ref(0), Buffer.from('first'), { ttlMs: 1 });
    await blobs.put(ref(0), Buffer.from('second, longer'));
    await blobs.put(ref(1), Buffer.from('x'), { ttlMs: 1 });
    await gone(context, ref(1));
    expect(Buffer.from((await blobs.get(ref(0))) ?? '').toString()).toBe('second, longer');
  });

  test('that are not there are null, and may be deleted', async () => {
    const { blobs } = await start();
    expect(await blobs.get(ref(7))).toBeNull();
    await blobs.delete([ref(7), ref(8)]);
    await blobs.delete([]);
    expect(await blobs.keep([])).toBe(true);
  });

  test('are told apart by Repo, scope, shard and name, and are deleted one by one', async () => {
    const { blobs } = await start();
    const refs = [
      ref(1),
      ref(2),
      ref(1, 'u.2'),
      ref(1, 'u.1', 's-2'),
      ref(1, 'u.1', 's-1', 'repo-2'),
      ref(11),
      ref(1, 'u.11'),
    ];
    for (const [i, one] of refs.entries()) await blobs.put(one, Uint8Array.of(i));
    await blobs.delete([refs[0]!, refs[4]!]);
    const left = await Promise.all(refs.map((one) => blobs.get(one)));
    expect(left.map(plain)).toEqual([null, [1], [2], [3], null, [5], [6]]);
  });

  test('many at once, and deleting more than one request can name', async () => {
    const { blobs } = await start();
    const refs = Array.from({ length: 100 }, (_, shard) => ref(shard));
    await Promise.all(refs.map((one) => blobs.put(one, Uint8Array.of(one.shard), { ttlMs: 60_000 })));
    const back = await Promise.all(refs.map((one) => blobs.get(one)));
    expect(back.map((bytes) => bytes?.[0])).toEqual(refs.map((one) => one.shard));
    expect(await blobs.keep(refs)).toBe(true);
    const absent = Array.from({ length: 1_000 }, (_, i) => ref(1_000 + i));
    await blobs.delete([...absent, ...refs]);
    const after = await Promise.all(refs.map((one) => blobs.get(one)));
    expect(after.filter((bytes) => bytes !== null)).toEqual([]);
  });

  test('end by themselves after their time, and not before', async () => {
    const context = await start();
    const { blobs } = context;
    await blobs.put(ref(0), Uint8Array.of(1), { ttlMs: 1 });
    await blobs.put(ref(1), Uint8Array.of(2), { ttlMs: 60_000 });
    await blobs.put(ref(2), Uint8Array.of(3));
    await gone(context, ref(0));
    expect(plain(await blobs.get(ref(1)))).toEqual([2]);
    expect(plain(await blobs.get(ref(2)))).toEqual([3]);
  });

  test('stay when they are kept in time, and keeping says when it is too late', async () => {
    const context = await start();
    const { blobs } = context;
    await blobs.put(ref(0), Uint8Array.of(1), { ttlMs: 1_000 });
    await blobs.put(ref(1), Uint8Array.of(2), { ttlMs: 1_000 });
    await blobs.put(ref(2), Uint8Array.of(3), { ttlMs: 1 });
    expect(await blobs.keep([ref(0), ref(1)])).toBe(true);
    await gone(context, ref(2));
    expect(await blobs.keep([ref(2)])).toBe(false);
    // Later than the time that was taken off: this one ends after it.
    await blobs.put(ref(3), Uint8Array.of(4), { ttlMs: 1_100 });
    await gone(context, ref(3));
    expect([plain(await blobs.get(ref(0))), plain(await blobs.get(ref(1)))]).toEqual([[1], [2]]);
  });

  test('of a Repo that is deleted leave nothing behind, and others are let alone', async () => {
    const { blobs, stores } = await start();
    const { redis, keys } = stores.context;
    const forgotten = [ref(0, 'w.1', 's-9'), ref(1, 't', 'ts-1')];
    for (const one of forgotten) await blobs.put(one, Uint8Array.of(1));
    await blobs.put(ref(0, 'w.1', 's-9', 'repo-2'), Uint8Array.of(2));
    // Names that no record has can only be in an object store.
    if (!s3) for (const one of forgotten) await redis.unlink(keys.blob(one));
    await blobs.deleteRepo('repo');
    await blobs.deleteRepo('none');
    expect(await Promise.all(forgotten.map((one) => blobs.get(one)))).toEqual([null, null]);
    expect(plain(await blobs.get(ref(0, 'w.1', 's-9', 'repo-2')))).toEqual([2]);
  });
});
