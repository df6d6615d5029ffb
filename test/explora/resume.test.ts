import { describe, expect, it } from '@jest/globals';
import { downloadParameters } from '../../src/protocol/client/parameters.js';
import { ApiClient } from '../../src/protocol/client/request.js';
import { sha256Hex } from '../../src/tensors/hash.js';
import { FakeGateway, type FakeRequest } from './fake-gateway.js';

const BODY = new Uint8Array(new Float32Array(50_000).map((_, i) => i).buffer);
const ETAG = '"version"';

interface Behaviour {
  /** Bytes after which each answer in turn breaks off. */
  readonly cuts: readonly number[];
  readonly etag?: (answer: number) => string | null;
  /** Ignores ranges. */
  readonly whole?: boolean;
  readonly patch?: (bytes: Uint8Array, answer: number) => void;
}

/** Answers with the bytes, or the range that was asked for, and breaks off. */
async function pool({ cuts, etag = () => ETAG, whole = false, patch }: Behaviour): Promise<FakeGateway> {
  let answers = 0;
  return FakeGateway.start(({ headers, response }: FakeRequest) => {
    const answer = answers++;
    const tag = etag(answer);
    if (tag !== null) response.setHeader('etag', tag);
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const partial = !whole && headers.range !== undefined && headers['if-range'] === tag;
    const bytes = BODY.slice(partial ? start : 0);
    patch?.(bytes, answer);
    response.statusCode = partial ? 206 : 200;
    if (partial) response.setHeader('content-range', `bytes ${start}-${BODY.length - 1}/${BODY.length}`);
    response.setHeader('content-length', bytes.length);
    const cut = cuts[answer];
    if (cut === undefined) response.end(bytes);
    else response.write(bytes.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
    return undefined;
  });
}

async function download({ url }: FakeGateway): Promise<Uint8Array> {
  const api = new ApiClient({ urls: url, headers: () => ({ a: 'b' }), backoff: { baseMs: 1, maxMs: 2 } });
  const shards = [await sha256Hex(BODY.subarray(0, 120_000)), await sha256Hex(BODY.subarray(120_000))];
  const source = { encoding: 'f32' as const, shards, shardParams: 30_000, paramCount: 50_000 };
  return downloadParameters(api, { path: '/weights' }, source, sha256Hex);
}

const ranges = ({ requests }: FakeGateway) => requests.map(({ headers }) => headers.range);

describe('a download that breaks off', () => {
  it('goes on where it stopped, as often as it must', async () => {
    const gateway = await pool({ cuts: [1_000, 50_001, 7] });
    expect(await download(gateway)).toEqual(BODY);
    expect(ranges(gateway)).toEqual([undefined, 'bytes=1000-', 'bytes=51001-', 'bytes=51008-']);
    expect(gateway.requests[1]?.headers).toMatchObject({ 'if-range': ETAG, a: 'b' });
  });

  it('begins anew where ranges are not known, or the version has another form', async () => {
    const deaf = await pool({ cuts: [1_000], whole: true });
    expect(await download(deaf)).toEqual(BODY);
    const other = await pool({ cuts: [1_000, 2_000], etag: (answer) => (answer === 0 ? '"old"' : ETAG) });
    expect(await download(other)).toEqual(BODY);
    expect(ranges(other)).toEqual([undefined, 'bytes=1000-', 'bytes=2000-']);
  });

  it.each([null, 'W/"weak"'])('begins anew without a strong ETag: %p', async (tag) => {
    const gateway = await pool({ cuts: [1_000], etag: () => tag });
    expect(await download(gateway)).toEqual(BODY);
    expect(ranges(gateway)).toEqual([undefined, undefined]);
  });

  it('is checked as a whole: a wrong part is found', async () => {
    const gateway = await pool({ cuts: [1_000], patch: (bytes, answer) => answer === 0 && (bytes[5]! ^= 1) });
    await expect(download(gateway)).rejects.toThrow('Shard 0 has the SHA-256');
    const later = await pool({
      cuts: [1_000],
      patch: (bytes, answer) => answer === 1 && (bytes[130_000]! ^= 1),
    });
    await expect(download(later)).rejects.toThrow('Shard 1 has the SHA-256');
  });
});
