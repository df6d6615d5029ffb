import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeFrame } from '../../src/protocol/frame.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, modelFrame, openRound, PARAMS, ramp, type OpenRound } from '../helpers/open-round.js';
import { ShardFolder } from '../../src/tensors/kernels.js';

let pool: TestGateway;
let tight: TestGateway;
beforeAll(async () => {
  pool = await startGateway();
  tight = await startGateway({ like: pool, env: { INTAKE_BYTES: String(2 ** 20), SHARD_PARAMS: '8192' } });
});
afterAll(async () => {
  await tight.close();
  await pool.close();
});

const LIBRARIES = { a: 5, b: 7, c: 3 };
const at = ({ repoId, sessionId }: OpenRound) => ({ repoId, sessionId, round: 1, attempt: 1 });

/** An update whose last bytes come when `finish` is called. */
function slowly(round: OpenRound, libraryId: string, options: { updateId?: string; via?: TestGateway } = {}) {
  const { updateId = `u-${libraryId}`, via = pool } = options;
  const { sessionId } = round;
  const header = { sessionId, round: 1, attempt: 1, updateId, numExamples: 3 };
  const frame = encodeFrame(header, bytesOf(ramp()));
  let finish = (): void => undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(frame.slice(0, -8));
      finish = () => {
        controller.enqueue(frame.slice(-8));
        controller.close();
      };
    },
  });
  const request = { method: 'PUT', token: round.apiKey, headers: { 'library-id': libraryId }, body };
  return { finish, answer: via.json('/v1/library/update', request) };
}

const allComeIn = (count: number): Promise<unknown> =>
  eventually(async () => {
    const text = await (await pool.call('/metrics')).text();
    expect(text).toMatch(new RegExp(`uploads_in_flight ${count}\n`));
  });

describe('updates that come together', () => {
  it('are stored as one exact sum and counted in one step', async () => {
    const round = await openRound(pool, LIBRARIES);
    const uploads = ['a', 'b', 'c'].map((id) => slowly(round, id));
    await allComeIn(3);
    for (const upload of uploads) upload.finish();
    const answers = await Promise.all(uploads.map(({ answer }) => answer));
    expect(answers.map(({ body }) => body.duplicate)).toEqual([false, false, false]);
    const receipts = await pool.stores.rounds.receipts(at(round));
    expect(receipts.map((receipt) => receipt.libraryId).sort()).toEqual(['a', 'b', 'c']);
    const [blob = ''] = new Set(receipts.map((receipt) => receipt.blob));
    expect(new Set(receipts.map((receipt) => receipt.blob)).size).toBe(1);

    const { repoId, sessionId } = round;
    const shards = await Promise.all(
      [0, 1, 2, 3].map((shard) => pool.blobs.get({ repoId, scope: sessionId, shard, name: blob })),
    );
    const folder = new ShardFolder(PARAMS);
    folder.reset(PARAMS);
    const { record } = await pool.stores.sessions.get(repoId, sessionId);
    const update = { bytes: bytesOf(ramp()), numExamples: 3 };
    folder.add([update, update, update], record.round!.scale);
    expect(Buffer.concat(shards.map((shard) => shard!))).toEqual(Buffer.from(folder.partial()));
  });

  it('are sent again when one of them may not be counted, and counted then', async () => {
    const round = await openRound(pool, LIBRARIES);
    const [a, b] = [slowly(round, 'a'), slowly(round, 'b')];
    await allComeIn(2);
    await pool.stores.rounds.settle(at(round), { libraryId: 'b', state: 'failed', reason: 'x' });
    a.finish();
    b.finish();
    expect((await b.answer).body.error.code).toBe('assignment_over');
    const refused = (await a.answer).body.error;
    expect([refused.code, refused.retryable]).toEqual(['upload_interrupted', true]);
    expect(await pool.stores.rounds.receipts(at(round))).toEqual([]);
    const again = slowly(round, 'a');
    again.finish();
    expect((await again.answer).body).toMatchObject({ duplicate: false, received: 1 });
  });

  it('count once when they are the same, and the first wins when they are not', async () => {
    const round = await openRound(pool, LIBRARIES);
    const uploads = [
      ...[slowly(round, 'a'), slowly(round, 'a')],
      slowly(round, 'b'),
      slowly(round, 'a', { updateId: 'another' }),
    ];
    await allComeIn(4);
    for (const upload of uploads) upload.finish();
    const answers = (await Promise.all(uploads.map(({ answer }) => answer))).map(({ body }) => body);
    expect(answers.filter((body) => body.duplicate === false).length).toBe(2);
    expect(answers.filter((body) => body.duplicate === true || body.error !== undefined).length).toBe(2);
    const receipts = await pool.stores.rounds.receipts(at(round));
    expect(receipts.map((receipt) => receipt.libraryId).sort()).toEqual(['a', 'b']);
  });

  it('do not wait for ever for one that is slow', async () => {
    const round = await openRound(pool, LIBRARIES);
    const [a, b] = [slowly(round, 'a'), slowly(round, 'b')];
    await allComeIn(2);
    a.finish();
    expect((await a.answer).body).toMatchObject({ received: 1 });
    b.finish();
    expect((await b.answer).body).toMatchObject({ received: 2 });
  });
});

it('an update that the memory has no room for goes to the store by itself', async () => {
  const values = ramp(2 ** 18 / 4 + 2 ** 16, 1e-3);
  const tensors = [{ name: 'w', shape: [values.length], dtype: 'float32' }];
  const round = await openRound(tight, LIBRARIES, {}, modelFrame(values, { tensors }));
  const { sessionId, repoId } = round;
  const header = { sessionId, round: 1, attempt: 1, updateId: 'u', numExamples: 3 };
  const request = (libraryId: string) => ({
    method: 'PUT',
    token: round.apiKey,
    headers: { 'library-id': libraryId },
    body: encodeFrame(header, bytesOf(values)),
  });
  const answers = await Promise.all(
    ['a', 'b', 'c'].map((id) => tight.json('/v1/library/update', request(id))),
  );
  expect(answers.map(({ body }) => body.received).sort()).toEqual([1, 2, 3]);
  const receipts = await pool.stores.rounds.receipts(at(round));
  for (const { blob } of receipts) {
    expect(blob).toMatch(/^u\./);
    const first = await pool.blobs.get({ repoId, scope: sessionId, shard: 0, name: blob });
    expect(Buffer.from(first!)).toEqual(Buffer.from(bytesOf(values.slice(0, 8_192))));
  }
});
