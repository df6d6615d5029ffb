import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ModelRecord } from '../../src/protocol/model.js';
import { decodeShard } from '../../src/tensors/encoding.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, modelFrame, openRound, PARAMS, ramp } from '../helpers/open-round.js';

let pool: TestGateway;
let repoId: string;
beforeAll(async () => {
  pool = await startGateway();
  ({ repoId } = await pool.repo());
});
afterAll(() => pool.close());

const upload = async (values: Float32Array): Promise<{ record: ModelRecord; path: string }> => {
  const { body } = await pool.json(`/v1/repos/${repoId}/models`, {
    method: 'POST',
    body: modelFrame(values),
  });
  return { record: body as ModelRecord, path: `/v1/repos/${repoId}/models/${body.modelId}/weights` };
};
const bytes = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
/** 0.1 and its multiples: rounded as f16. */
const tenths = ramp(PARAMS, 0.1);

describe('weights as f16', () => {
  it('are the nearest f16, with an ETag that is their root hash', async () => {
    const { record, path } = await upload(tenths);
    const answer = await pool.call(`${path}?encoding=f16`);
    const halves = await bytes(answer);
    expect(answer.headers.get('content-length')).toBe(String(2 * PARAMS));
    const values = decodeShard(halves, 'f16');
    values.forEach((value, i) => {
      expect(Math.abs(value - tenths[i]!)).toBeLessThanOrEqual(tenths[i]! * 2 ** -11);
    });
    expect(values).not.toEqual(tenths);
    const { shardParams } = record.parameters;
    const shards: string[] = [];
    for (let at = 0; at < halves.length; at += shardParams * 2) {
      shards.push(await sha256Hex(halves.subarray(at, at + shardParams * 2)));
    }
    const etag = `"${await rootHash(shards)}"`;
    expect(answer.headers.get('etag')).toBe(etag);
    expect(etag).not.toBe((await pool.call(path)).headers.get('etag'));
    const known = await pool.call(`${path}?encoding=f16`, { headers: { 'if-none-match': etag } });
    expect(known.status).toBe(304);
    expect((await pool.json(`${path}?encoding=q8`)).body.error.code).toBe('invalid_request');
  });

  it('are refused when f16 does not reach them, and f32 is still there', async () => {
    const values = ramp();
    values[PARAMS - 1] = -65_520;
    const { path } = await upload(values);
    const { status, body, headers } = await pool.json(`${path}?encoding=f16`);
    expect([status, body.error.code]).toEqual([406, 'encoding_unavailable']);
    expect(headers.get('cache-control')).toBeNull();
    expect(new Float32Array(await (await pool.call(path)).arrayBuffer())).toEqual(values);
  });

  it('are what an assignment names when the job says so, with the hashes to check them', async () => {
    const round = await openRound(pool, { a: 5 }, { downloadEncoding: 'f16' });
    const library = { token: round.apiKey, headers: { 'library-id': 'a' } };
    const { assignment } = (await pool.json('/v1/library/assignment', library)).body;
    const path = `/v1/library/sessions/${round.sessionId}/versions/0/weights`;
    const halves = await bytes(await pool.call(`${path}?encoding=f16`, library));
    const { encoding, shards, sha256 } = assignment.download;
    expect(encoding).toBe('f16');
    expect(shards[3]).toBe(await sha256Hex(halves.subarray(48)));
    expect(sha256).toBe(await rootHash(shards));
    expect(await bytes(await pool.call(path, library))).toEqual(Buffer.from(bytesOf(ramp())));
    const plain = await openRound(pool, { a: 5 });
    const other = await pool.json('/v1/library/assignment', { ...library, token: plain.apiKey });
    expect(other.body.assignment.download).toBeNull();
  });
});

describe.each(['f32', 'f16'] as const)('a range of %s', (encoding) => {
  let path: string;
  let all: Buffer;
  let etag: string;
  beforeAll(async () => {
    path = `${(await upload(ramp(PARAMS, 0.2))).path}?encoding=${encoding}`;
    const answer = await pool.call(path);
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
    etag = answer.headers.get('etag') ?? '';
    all = await bytes(answer);
  });
  const get = (range: string, headers: Record<string, string> = {}) =>
    pool.call(path, { headers: { range, ...headers } });

  it('is what it says, at every border of shards', async () => {
    const size = all.length;
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=0-', 0, size],
      ['bytes=15-16', 15, 17],
      [`bytes=31-${size - 2}`, 31, size - 1],
      ['bytes=32-40', 32, 41],
      [`bytes=${size - 1}-`, size - 1, size],
      ['bytes=-3', size - 3, size],
      ['bytes=-1000', 0, size],
      ['bytes=7-100000', 7, size],
    ] as const) {
      const answer = await get(range);
      expect([range, answer.status]).toEqual([range, 206]);
      expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${size}`);
      expect(answer.headers.get('content-length')).toBe(String(end - start));
      expect(answer.headers.get('etag')).toBe(etag);
      expect(await bytes(answer)).toEqual(all.subarray(start, end));
    }
  });

  it('beyond the end is refused with the length', async () => {
    const answer = await get(`bytes=${all.length}-`);
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe(`bytes */${all.length}`);
    expect(answer.headers.get('cache-control')).toBeNull();
    expect(await answer.json()).toMatchObject({ error: { code: 'range_not_satisfiable', retryable: false } });
  });

  it('holds only for the version that If-Range names', async () => {
    expect((await get('bytes=5-9', { 'if-range': etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, new Date(0).toUTCString()]) {
      const answer = await get('bytes=5-9', { 'if-range': other });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([200, null]);
      expect(await bytes(answer)).toEqual(all);
    }
  });

  it.each(['bytes=1-2,5-6', 'items=1-2', 'bytes', 'bytes=x-y', 'bytes=-', 'bytes=5-3'])(
    'that is none counts as not there: %s',
    async (range) => {
      const answer = await get(range);
      expect(answer.status).toBe(200);
      expect(await bytes(answer)).toEqual(all);
    },
  );
});

it('a range needs only its own shards', async () => {
  const { record, path } = await upload(ramp(PARAMS, 0.3));
  const { scope, shards } = record.parameters;
  await pool.blobs.delete([{ repoId, scope, shard: 0, name: `w.${shards[0]}` }]);
  const answer = await pool.call(path, { headers: { range: 'bytes=32-' } });
  expect([answer.status, (await bytes(answer)).length]).toEqual([206, 68]);
  expect((await pool.json(path, { headers: { range: 'bytes=31-' } })).body.error.code).toBe(
    'version_not_found',
  );
});
