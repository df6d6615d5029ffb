import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeFrame } from '../../src/protocol/frame.js';
import { toFailure } from '../../src/gateway/service/failure.js';
import { ShardCache } from '../../src/gateway/service/shard-cache.js';
import { localKernels } from '../../src/gateway/intake/kernel-thread.js';
import { IntakeMemory } from '../../src/gateway/intake/intake-memory.js';
import type { BlobRef, BlobStore } from '../../src/blobs/blob-store.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, modelFrame, openRound, ramp } from '../helpers/open-round.js';

describe('a Redis that is nearly full', () => {
  let full: TestGateway;
  let pool: TestGateway;
  beforeAll(async () => {
    pool = await startGateway();
    full = await startGateway({ like: pool, env: { MAX_USED_MEMORY_BYTES: '1000' } });
  });
  afterAll(async () => {
    await full.close();
    await pool.close();
  });

  it('takes no uploads, says when to come again, and goes on with everything else', async () => {
    const { repoId, sessionId, apiKey } = await openRound(pool, { a: 5 });
    const header = { sessionId, round: 1, attempt: 1, updateId: 'u', numExamples: 3 };
    const update = {
      method: 'PUT',
      token: apiKey,
      headers: { 'library-id': 'a' },
      body: encodeFrame(header, bytesOf(ramp())),
    };
    const testSet = encodeFrame({ numExamples: 1, inputShape: [1], labelShape: [] }, bytesOf(ramp(2)));
    const answers = [
      await full.json('/v1/library/update', update),
      await full.json(`/v1/repos/${repoId}/models`, { method: 'POST', body: modelFrame() }),
      await full.json(`/v1/repos/${repoId}/test-sets/t`, { method: 'PUT', body: testSet }),
    ];
    for (const { status, body, headers } of answers) {
      expect([status, body.error.code]).toEqual([503, 'storage_full']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(body.error.message).toMatch(/uses \d+ bytes; uploads are taken up to 850/);
    }
    expect((await full.json(`/v1/repos/${repoId}/sessions/${sessionId}`)).status).toBe(200);
    // What was counted stays so, and is said even now.
    expect((await pool.json('/v1/library/update', update)).status).toBe(200);
    expect((await full.json('/v1/library/update', update)).body).toMatchObject({ duplicate: true });
  });
});

describe('what goes wrong below', () => {
  it('is told as what it is', () => {
    const code = (error: unknown) => toFailure(error).code;
    expect(code(new Error('Command timed out'))).toBe('redis_unavailable');
    expect(code(new Error('Connection is closed.'))).toBe('redis_unavailable');
    expect(code(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBe('redis_unavailable');
    expect(code(Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' }))).toBe(
      'redis_unavailable',
    );
    expect(code(new Error('LOADING Redis is loading the dataset in memory'))).toBe('redis_unavailable');
    const oom = "OOM command not allowed when used memory > 'maxmemory'.";
    expect(code(new Error(oom))).toBe('storage_full');
    expect(code(new Error(`ERR Error running script: ${oom}`))).toBe('storage_full');
    const script =
      "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
    expect(code(new Error(script))).toBe('storage_full');
    expect(code(new TypeError('x is not a function'))).toBe('internal');
    expect(code('thrown text')).toBe('internal');
  });
});

describe('a Redis that fails over', () => {
  it.each([
    "READONLY You can't write against a read only replica.",
    'READONLY Can not run script with write flag on readonly replica.',
    'LOADING Redis is loading the dataset in memory',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'NOREPLICAS Not enough good replicas to write.',
    'MISCONF Errors writing to the AOF file: No space left on device',
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'All sentinels are unreachable. Retrying from scratch after 100ms.',
    'Command timed out',
    'Connection is closed.',
    'Too many Cluster redirections. Last error: Error: Connection is closed.',
    'None of startup nodes is available',
  ])('is away, and may be asked again: %s', (message) => {
    const failure = toFailure(new Error(message));
    expect([failure.code, failure.status, failure.retryable]).toEqual(['redis_unavailable', 503, true]);
  });
});

describe('the memory for uploads', () => {
  it('is bounded in all and for a Repo, and given in order to whoever may have some', async () => {
    const memory = new IntakeMemory(8 * 1024, localKernels);
    const kib = (repoId: string, n: number, waitMs = 2_000) => memory.take(repoId, n * 1024, { waitMs });
    const first = await kib('a', 4);
    const second = await kib('a', 3);
    const order: string[] = [];
    const next = (name: string, n: number) =>
      kib(name, n).then((place) => {
        order.push(name);
        return place;
      });
    // "a" is at its bound, which keeps nobody else; "b" is too large for now, and "c" waits behind it.
    const waiting = [next('a', 4), next('b', 2), next('c', 1)] as const;
    expect(await kib('d', 1, 0)).toBeNull();
    second?.release();
    const [b, c] = await Promise.all([waiting[1], waiting[2]]);
    expect(order).toEqual(['b', 'c']);
    first?.release();
    (await waiting[0])?.release();
    b?.release();
    c?.release();
    expect(memory.freeBytes).toBeGreaterThanOrEqual(8 * 1024);
  });

  it('is not waited for for ever, and never given to what is larger than a Repo may hold', async () => {
    const memory = new IntakeMemory(8 * 1024, localKernels);
    const place = await memory.take('a', 6 * 1024, { waitMs: 0 });
    await expect(memory.require('b', 4 * 1024, 30)).rejects.toMatchObject({
      code: 'rate_limited',
      message: expect.stringContaining('INTAKE_BYTES'),
    });
    expect(await memory.take('b', 8 * 1024, { waitMs: 60_000 })).toBeNull();
    place?.release();
    (await memory.require('b', 4 * 1024, 30)).release();
  });

  it('does not let one that stopped waiting hold up those behind it', async () => {
    const memory = new IntakeMemory(8 * 1024, localKernels);
    const place = await memory.take('a', 6 * 1024, { waitMs: 0 });
    const large = memory.take('b', 4 * 1024, { waitMs: 30 });
    const small = memory.take('c', 1024, { waitMs: 10_000 });
    expect(await large).toBeNull();
    expect(await small).not.toBeNull();
    place?.release();
  });
});

describe('the shard cache', () => {
  const ref = (shard: number): BlobRef => ({ repoId: 'r', scope: 's', shard, name: 'w' });

  it('keeps what is used, up to its bytes, and reads for many at once', async () => {
    const reads: number[] = [];
    const blobs: Pick<BlobStore, 'get'> = {
      get: async ({ shard }) => {
        reads.push(shard);
        await Promise.resolve();
        return shard === 9 ? null : new Uint8Array(10).fill(shard);
      },
    };
    const cache = new ShardCache(blobs, 25);
    const many = await Promise.all([cache.get(ref(1)), cache.get(ref(1)), cache.get(ref(1))]);
    expect(many.map((bytes) => bytes?.[0])).toEqual([1, 1, 1]);
    await cache.get(ref(2));
    await cache.get(ref(1));
    await cache.get(ref(3));
    await cache.get(ref(1));
    expect(reads).toEqual([1, 2, 3]);
    await cache.get(ref(2));
    expect(reads).toEqual([1, 2, 3, 2]);
    expect([await cache.get(ref(9)), await cache.get(ref(9))]).toEqual([null, null]);
    expect(reads.slice(4)).toEqual([9, 9]);
  });

  it('keeps the last few versions of a shard', async () => {
    const reads: string[] = [];
    const blobs: Pick<BlobStore, 'get'> = {
      get: async ({ name, shard }) => Promise.resolve(new Uint8Array(10).fill(reads.push(`${name}${shard}`))),
    };
    const cache = new ShardCache(blobs, 1_000);
    const read = (name: string, shard = 0) => cache.get({ repoId: 'r', scope: 's', shard, name });
    for (const name of ['a', 'b', 'c', 'd']) await Promise.all([read(name), read(name, 1)]);
    await Promise.all(['b', 'c', 'd'].map((name) => read(name)));
    expect(reads).toHaveLength(8);
    await read('a');
    expect(reads.slice(8)).toEqual(['a0']);
    await Promise.all([read('b', 1), read('c'), read('d')]);
    expect(reads.slice(9)).toEqual([]);
    await read('b');
    expect(reads.slice(9)).toEqual(['b0']);
  });

  it('gives back memory once it is dropped and nobody reads it, and never before', async () => {
    const given: number[] = [];
    const blobs: Pick<BlobStore, 'get' | 'giveBack'> = {
      get: async ({ shard }) => Promise.resolve(new Uint8Array(10).fill(shard)),
      giveBack: (bytes) => void given.push(bytes[0] ?? 0),
    };
    const cache = new ShardCache(blobs, 20);
    const read = async (shard: number): Promise<Uint8Array> =>
      (await cache.get(ref(shard))) ?? new Uint8Array(0);
    const [first, again] = await Promise.all([read(1), read(1)]);
    expect(again).toBe(first);
    cache.release(first);
    cache.release(await read(2));
    cache.release(await read(3));
    // 1 is dropped and still read; 2 is kept.
    expect(given).toEqual([]);
    cache.release(first);
    expect(given).toEqual([1]);
    await read(4);
    expect(given).toEqual([1, 2]);
    // Never released.
    await read(5);
    await read(6);
    expect(given).toEqual([1, 2, 3]);
    const large = new ShardCache(blobs, 5);
    const one = (await large.get(ref(7))) ?? new Uint8Array(0);
    expect(given).toEqual([1, 2, 3]);
    large.release(one);
    expect(given).toEqual([1, 2, 3, 7]);
  });
});
