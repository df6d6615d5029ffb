import { beforeAll, describe, expect, test } from '@jest/globals';
import type { BlobRef } from '../../src/blobs/blob-store.js';
import { createBlobStore } from '../../src/blobs/create-blob-store.js';
import { S3BlobStore } from '../../src/blobs/s3-blob-store.js';
import { S3Bucket } from '../../src/blobs/s3-bucket.js';
import { parseBlobStore } from '../../src/blobs/s3-location.js';
import { parseEnv } from '../../src/config/env.js';
import { BlobIndex } from '../../src/redis/blob-index.js';
import { testContext, type TestContext } from '../helpers/context.js';
import { eventually } from '../helpers/eventually.js';
import { startHttpProxy, type Fate, type HttpProxy, type Seen } from '../helpers/http-proxy.js';
import { startS3, type TestS3 } from '../helpers/s3.js';

const ANSWER_MS = 200;
const AWAY = { code: 'blob_store_unavailable', status: 503, retryable: true, retryAfterMs: 1_000 };

let server: TestS3;
beforeAll(async () => {
  server = await startS3();
});

const ref = (shard: number, name = 'u.1'): BlobRef => ({ repoId: 'repo', scope: 's-1', shard, name });

interface Faulty extends TestContext {
  readonly proxy: HttpProxy;
  readonly index: BlobIndex;
  /** Objects of this test. */
  keys(): string[];
}

/** A store that gives up early, behind a network of trouble. */
async function faulty(): Promise<Faulty> {
  const context = await testContext();
  const proxy = await startHttpProxy({ port: server.port });
  const location = parseBlobStore(server.env({ port: proxy.port }).BLOB_STORE);
  const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
  const bucket = await S3Bucket.open({
    location: location!,
    credentials,
    log: context.log,
    answerMs: ANSWER_MS,
  });
  const { context: redis } = context.stores;
  const keys = (): string[] => server.keys().filter((key) => key.startsWith(`${context.prefix}/`));
  return { ...context, blobs: new S3BlobStore(redis, bucket), index: new BlobIndex(redis), proxy, keys };
}

/** The first so many requests meet this fate. */
const first = (count: number, fate: Fate): ((request: Seen) => Fate) => {
  let left = count;
  return () => (left-- > 0 ? fate : 'pass');
};

describe('an object store in trouble', () => {
  test.each<{ what: string; fate: Fate }>([
    { what: 'answers 503', fate: { status: 503, body: '<Error><Code>SlowDown</Code></Error>' } },
    { what: 'answers 500', fate: { status: 500 } },
    { what: 'is silent', fate: 'hang' },
  ])('that $what twice is asked a third time', async ({ fate }) => {
    const { blobs, proxy } = await faulty();
    proxy.fate = first(2, fate);
    await blobs.put(ref(0), Uint8Array.of(1, 2));
    proxy.fate = first(2, fate);
    expect([...((await blobs.get(ref(0))) ?? [])]).toEqual([1, 2]);
    expect(proxy.seen.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'PUT', 'GET', 'GET', 'GET']);
  });

  test.each<{ what: string; fate: Fate }>([
    { what: 'answers 503', fate: { status: 503 } },
    { what: 'is silent', fate: 'hang' },
    { what: 'refuses', fate: { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' } },
    { what: 'has lost its bucket', fate: { status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' } },
    { what: 'is not what answers 404', fate: { status: 404, body: 'no such route' } },
  ])('that $what is unavailable, never empty', async ({ fate }) => {
    const { blobs, proxy } = await faulty();
    await blobs.put(ref(0), Uint8Array.of(1));
    proxy.fate = () => fate;
    await expect(blobs.get(ref(0))).rejects.toMatchObject(AWAY);
    expect(proxy.seen.filter(({ method }) => method === 'GET').length).toBeLessThanOrEqual(3);
    await expect(blobs.put(ref(1), Uint8Array.of(1))).rejects.toMatchObject(AWAY);
    await expect(blobs.delete([ref(0)])).rejects.toMatchObject(AWAY);
    await expect(blobs.deleteRepo('repo')).rejects.toMatchObject(AWAY);
    proxy.fate = () => 'pass';
    expect([...((await blobs.get(ref(0))) ?? [])]).toEqual([1]);
  });

  test('whose answer breaks off in its middle is asked again, and a part is never taken for the whole', async () => {
    const { blobs, proxy } = await faulty();
    const bytes = new Uint8Array(300_000).fill(7);
    await blobs.put(ref(0), bytes);
    proxy.fate = first(2, 'break');
    expect((await blobs.get(ref(0)))?.length).toBe(bytes.length);
    proxy.fate = () => 'break';
    await expect(blobs.get(ref(0))).rejects.toMatchObject(AWAY);
  });

  test('that died has everything again when it is back', async () => {
    const { blobs, keys } = await faulty();
    await blobs.put(ref(0), Uint8Array.of(1));
    await server.process.kill9();
    await expect(blobs.get(ref(0))).rejects.toMatchObject(AWAY);
    await expect(blobs.put(ref(1), Uint8Array.of(2), { ttlMs: 1 })).rejects.toMatchObject(AWAY);
    await server.restart();
    expect([...((await blobs.get(ref(0))) ?? [])]).toEqual([1]);
    expect(keys()).toHaveLength(1);
  });

  test('that refuses some of a deletion has not deleted', async () => {
    const { blobs, proxy } = await faulty();
    const body = '<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>';
    proxy.fate = () => ({ status: 200, body });
    await expect(blobs.delete([ref(0)])).rejects.toMatchObject(AWAY);
  });

  test('is sent the checksum that every store knows, and no other', async () => {
    const { blobs, proxy } = await faulty();
    await blobs.put(ref(0), Uint8Array.of(1));
    await blobs.delete([ref(0)]);
    const [put, deletion] = proxy.seen.map(({ headers }) => Object.keys(headers));
    expect(put?.filter((name) => /checksum|md5|expect/.test(name))).toEqual([]);
    expect(deletion?.filter((name) => /checksum|md5/.test(name))).toEqual(['content-md5']);
  });
});

describe('blobs that end', () => {
  test('leave neither objects nor entries behind', async () => {
    const { blobs, keys, index } = await faulty();
    for (const shard of [0, 1, 2]) await blobs.put(ref(shard), Uint8Array.of(1), { ttlMs: 1 });
    await blobs.put(ref(3), Uint8Array.of(1), { ttlMs: 60_000 });
    await blobs.delete([ref(3)]);
    await eventually(async () => {
      await blobs.reap();
      return keys().length === 0;
    });
    expect(await index.unschedule(['repo/s-1/0/u.1', 'repo/s-1/3/u.1'])).toBe(0);
    expect(await index.claimEnded({ limit: 9, leaseMs: 1 })).toEqual([]);
  });

  test('end although whoever wanted to store them died before or after it did', async () => {
    const { blobs, index, keys, proxy } = await faulty();
    await index.schedule('repo/s-1/0/u.1', 1);
    // Stored, but the answer does not arrive: for the sender it is as if it had failed.
    proxy.fate = ({ method }) => (method === 'PUT' ? 'break' : 'pass');
    await blobs.put(ref(1), Uint8Array.of(1), { ttlMs: 1 }).catch(() => undefined);
    expect(keys()).toHaveLength(1);
    await eventually(async () => {
      await blobs.reap();
      return keys().length === 0;
    });
  });

  test('are claimed by one of many, again by another when that one dies, and can not be kept any more', async () => {
    const { blobs, index } = await faulty();
    const names = Array.from({ length: 50 }, (_, shard) => `repo/s-1/${shard}/u.1`);
    for (const name of names) await index.schedule(name, 1);
    const claims: string[] = [];
    await eventually(async () => {
      const claim = (): Promise<string[]> => index.claimEnded({ limit: 7, leaseMs: 60_000 });
      claims.push(...(await Promise.all([claim(), claim(), claim()])).flat());
      return claims.length >= names.length;
    });
    expect([...claims].sort()).toEqual([...names].sort());
    expect(await blobs.keep([ref(0)])).toBe(false);
    await expect(blobs.put(ref(0), Uint8Array.of(1))).rejects.toMatchObject(AWAY);

    await index.schedule('repo/s-1/99/u.1', 1);
    const short = await eventually(async () => {
      const names = await index.claimEnded({ limit: 7, leaseMs: 1 });
      return names.length > 0 && names;
    });
    const again = await eventually(async () => {
      const names = await index.claimEnded({ limit: 7, leaseMs: 60_000 });
      return names.length > 0 && names;
    });
    expect([short, again]).toEqual([['repo/s-1/99/u.1'], ['repo/s-1/99/u.1']]);
    await index.settle(names);
    await blobs.put(ref(0), Uint8Array.of(1));
  });

  test('stay claimed while the store is away, and are deleted when it is back', async () => {
    const { blobs, index, proxy, keys } = await faulty();
    await blobs.put(ref(0), Uint8Array.of(1), { ttlMs: 1 });
    proxy.fate = () => ({ status: 503 });
    const failure = await eventually(() =>
      blobs.reap().then(
        () => false as const,
        (error: unknown) => error,
      ),
    );
    expect(failure).toMatchObject(AWAY);
    proxy.fate = () => 'pass';
    expect(keys()).toHaveLength(1);
    expect(await blobs.keep([ref(0)])).toBe(false);
    // Its lease is long; whoever has the claim deletes.
    expect(await index.claimEnded({ limit: 9, leaseMs: 1 })).toEqual([]);
  });
});

describe('at the start', () => {
  test.each([
    { what: 'a bucket that is not there', env: { bucket: 'other-bytes' }, key: 'S3RVER', says: /Create it/ },
    { what: 'a key that is not known', env: {}, key: 'WRONG', says: /Check S3_ACCESS_KEY_ID/ },
    {
      what: 'nobody who answers',
      env: { port: 1 },
      key: 'S3RVER',
      says: /did not answer within 0 s .*Start/,
    },
  ])('$what is told with what to do', async ({ env, key, says }) => {
    const { stores, log } = await testContext();
    const blobEnv = { ...server.env(env), S3_ACCESS_KEY_ID: key };
    const blobs = await createBlobStore(blobEnv, stores.context, log);
    await expect(blobs.ready(0)).rejects.toThrow(says);
    await blobs.close();
  });

  test('a bucket that is there is ready', async () => {
    const { blobs } = await testContext({ blobEnv: server.env() });
    await blobs.ready(0);
  });
});

describe('BLOB_STORE', () => {
  test.each([
    ['s3://bytes', { bucket: 'bytes', prefix: '', endpoint: undefined, region: undefined }],
    ['s3://bytes/', { bucket: 'bytes', prefix: '', endpoint: undefined, region: undefined }],
    ['s3://my.bytes/a/b?region=eu-west-1', { bucket: 'my.bytes', prefix: 'a/b/', region: 'eu-west-1' }],
    ['s3://bytes?endpoint=http://h:9000', { endpoint: 'http://h:9000', region: 'us-east-1' }],
    ['s3://bytes/p?region=x&endpoint=https%3A%2F%2Fh', { prefix: 'p/', endpoint: 'https://h', region: 'x' }],
  ])('%s is understood', (text, location) => {
    expect(parseBlobStore(parseEnv({ BLOB_STORE: text }).BLOB_STORE)).toMatchObject(location);
  });

  test.each(['', 'disk', 's3://', 's3://Big', 's3://b?endpoint=ftp://h', 's3://bytes?x=1', 's3://bytes/a b'])(
    '"%s" is refused, or counts as not set',
    (text) => {
      const read = (): string => parseEnv({ BLOB_STORE: text }).BLOB_STORE;
      if (text === '') expect(read()).toBe('redis');
      else expect(read).toThrow(/BLOB_STORE: use redis, or s3:/);
    },
  );

  test('needs a secret for a key', () => {
    expect(() => parseEnv({ S3_ACCESS_KEY_ID: 'a' })).toThrow(/set both or neither/);
  });
});
