import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFinal } from '../../src/core/session.js';
import { ended } from '../../src/core/transitions.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import type { JobInput } from '../../src/protocol/job.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, openRound, PARAMS, ramp, type OpenRound } from '../helpers/open-round.js';
import { allKeys } from '../helpers/servers.js';

let pool: TestGateway;
let second: TestGateway;
beforeAll(async () => {
  pool = await startGateway();
  second = await startGateway({ like: pool });
});
afterAll(async () => {
  await second.close();
  await pool.close();
});

const LIBRARIES = { a: 5, b: 7, c: 3 };
const open = (job: Partial<JobInput> = {}) => openRound(pool, LIBRARIES, job);

interface Sent {
  readonly libraryId?: string;
  readonly header?: object;
  readonly values?: Float32Array;
  /** Instead of the values as f32. */
  readonly payload?: Uint8Array;
  readonly via?: TestGateway;
  readonly chunked?: boolean;
  readonly token?: string;
}

/** Sends the update of Library "a" unless said otherwise. */
async function send(round: OpenRound, { libraryId = 'a', values = ramp(), ...sent }: Sent = {}) {
  const { sessionId } = round;
  const header = { sessionId, round: 1, attempt: 1, updateId: 'u-1', numExamples: 3, ...sent.header };
  const frame = encodeFrame(header, sent.payload ?? bytesOf(values));
  return (sent.via ?? pool).json('/v1/library/update', {
    method: 'PUT',
    token: sent.token ?? round.apiKey,
    headers: { 'library-id': libraryId, 'content-type': 'application/vnd.cloud-node.frame' },
    body: sent.chunked === true ? new Blob([frame as BlobPart]).stream() : frame,
  });
}

const updateBlobs = async ({ sessionId }: OpenRound): Promise<string[]> =>
  (await allKeys(pool.redis, pool.prefix)).filter((key) => key.includes(sessionId) && key.includes(':u.'));

const inFlight = async (): Promise<number> =>
  Number(/uploads_in_flight (\d+)/.exec(await (await pool.call('/metrics')).text())?.[1]);

/** Refused with this code, and nothing of it is left in the store. */
async function expectRefused(round: OpenRound, sent: Sent, code: string): Promise<string> {
  const { body } = await send(round, sent);
  expect(body.error?.code).toBe(code);
  await eventually(async () => expect(await updateBlobs(round)).toEqual([]));
  return body.error.message as string;
}

describe('an update', () => {
  it('is stored shard by shard, counted, and acknowledged', async () => {
    const round = await open();
    const { status, body } = await send(round, { header: { metrics: { loss: 0.5 } } });
    expect([status, body]).toEqual([200, { updateId: 'u-1', duplicate: false, received: 1, needed: 3 }]);
    const { repoId, sessionId } = round;
    const at = { repoId, sessionId, round: 1, attempt: 1 };
    const [receipt] = await pool.stores.rounds.receipts(at);
    expect(receipt).toMatchObject({
      libraryId: 'a',
      numExamples: 3,
      metrics: { loss: 0.5 },
      evaluation: null,
    });
    const shards = await Promise.all(
      [0, 1, 2, 3].map((shard) => pool.blobs.get({ repoId, scope: sessionId, shard, name: receipt!.blob })),
    );
    expect(Buffer.concat(shards.map((shard) => shard!))).toEqual(Buffer.from(bytesOf(ramp())));
    const [key] = await updateBlobs(round);
    // Until the round must be over, and some.
    expect(await pool.redis.pttl(key!)).toBeGreaterThan(600_000);
    const view = await pool.json(`/v1/repos/${repoId}/sessions/${sessionId}`);
    expect(view.body.received).toBe(1);
  });

  it('may come without a length, in small chunks', async () => {
    expect((await send(await open(), { chunked: true })).body).toMatchObject({ received: 1 });
  });

  it('may go to another gateway than the one that showed the assignment', async () => {
    const round = await open();
    const library = { token: round.apiKey, headers: { 'library-id': 'a' } };
    const { assignment } = (await pool.json('/v1/library/assignment', library)).body;
    const { sessionId, round: number, attempt } = assignment;
    const header = { sessionId, round: number, attempt };
    expect((await send(round, { via: second, header })).body).toMatchObject({ received: 1 });
    const after = (await pool.json('/v1/library/assignment', library)).body.assignment;
    expect(after.state).toBe('received');
  });

  it('wakes a coordinator when the round is full', async () => {
    const round = await open();
    for (const libraryId of ['a', 'b', 'c']) await send(round, { libraryId });
    await eventually(async () => (await pool.json('/v1/pool')).body.queues.coordinate > 0);
  });

  it('counts once when it is sent again, anywhere and at the same time', async () => {
    const round = await open();
    const all = await Promise.all([send(round), send(round, { via: second }), send(round)]);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(all.filter(({ body }) => !body.duplicate)).toHaveLength(1);
    expect((await send(round)).body).toEqual({ updateId: 'u-1', duplicate: true, received: 1, needed: 3 });
    await eventually(async () => expect(await updateBlobs(round)).toHaveLength(4));
    const other = await send(round, { header: { updateId: 'u-2' } });
    expect([other.status, other.body.error.code]).toEqual([409, 'update_already_received']);
  });
});

describe('the numbers of an update', () => {
  it('must be as many as the model has', async () => {
    const round = await open();
    for (const chunked of [false, true]) {
      for (const count of [0, PARAMS - 1, PARAMS + 1, PARAMS + 8]) {
        const message = await expectRefused(round, { values: ramp(count), chunked }, 'update_wrong_length');
        expect(message).toContain(`${PARAMS * 4} bytes`);
        if (!chunked) expect(message).toContain(`it has ${count * 4}`);
      }
    }
    expect((await send(round)).body).toMatchObject({ duplicate: false, received: 1 });
  });

  it.each([NaN, Infinity, -Infinity])('must be finite: %p', async (bad) => {
    const values = ramp();
    values[17] = bad;
    const message = await expectRefused(await open(), { values }, 'update_not_finite');
    expect(message).toContain('between parameters 16 and 23');
  });

  it('must keep to the magnitude and the norm of the job', async () => {
    const small = await open({ update: { maxMagnitude: 2 } });
    const values = new Float32Array(PARAMS).fill(1);
    values[24] = -2.5;
    const message = await expectRefused(small, { values }, 'update_magnitude_exceeded');
    expect(message).toMatch(/2\.5 between parameters 24 and 24; update.maxMagnitude is 2/);

    const clipped = await open({ privacy: { clipNorm: 5 } });
    // 25 times 1.002: the norm is 5.01, more than a thousandth too much.
    const long = new Float32Array(PARAMS).fill(1.002);
    expect(await expectRefused(clipped, { values: long }, 'update_norm_exceeded')).toContain('clipNorm is 5');
    const just = new Float32Array(PARAMS).fill(1.0005);
    expect((await send(clipped, { values: just })).status).toBe(200);
  });

  it('must not stand for more examples than were announced', async () => {
    const round = await open();
    await expectRefused(round, { header: { numExamples: 6 } }, 'update_examples_exceeded');
    // The data grew after the round opened: the exact sum has no room for more.
    await pool.stores.libraries.join(round.repoId, 'a', {
      datasets: [{ datasetId: 'data', numExamples: 100 }],
      connection: 'test',
    });
    const message = await expectRefused(round, { header: { numExamples: 8 } }, 'update_examples_exceeded');
    expect(message).toContain('at most 7');
    expect((await send(round, { header: { numExamples: 7 } })).status).toBe(200);
  });
});

describe('the encoding of an update', () => {
  const header = (encoding: string) => ({ encoding });
  const f16 = (patch: (halves: Uint16Array) => void = () => undefined) => {
    const halves = new Uint16Array(PARAMS).fill(0x3c00);
    patch(halves);
    return new Uint8Array(halves.buffer);
  };
  const q8 = (patch: (shards: DataView[]) => void = () => undefined) => {
    const bytes = new Uint8Array(PARAMS + 4 * 4).fill(2);
    const shards = [0, 12, 24, 36].map((at) => new DataView(bytes.buffer, at));
    for (const shard of shards) shard.setFloat32(0, 0.5, true);
    patch(shards);
    return bytes;
  };

  it.each([
    ['f16', f16(), 16],
    ['q8', q8(), 12],
  ] as const)('%s is taken when the job says so, shard by shard', async (encoding, payload, shardBytes) => {
    const round = await open({ update: { encoding } });
    expect((await send(round, { payload, header: header(encoding) })).body).toMatchObject({ received: 1 });
    const { repoId, sessionId } = round;
    const [receipt] = await pool.stores.rounds.receipts({ repoId, sessionId, round: 1, attempt: 1 });
    const shards = await Promise.all(
      [0, 1, 2, 3].map((shard) => pool.blobs.get({ repoId, scope: sessionId, shard, name: receipt!.blob })),
    );
    expect(shards[0]).toHaveLength(shardBytes);
    expect(Buffer.concat(shards.map((shard) => shard!))).toEqual(Buffer.from(payload));
    const short = { libraryId: 'b', payload: payload.subarray(1), header: header(encoding) };
    const { body } = await send(round, short);
    expect(body.error.message).toContain(
      `must have ${payload.length} bytes after its header (25 parameters as ${encoding}); it has ${payload.length - 1}`,
    );
  });

  it('must be the one of the job', async () => {
    const round = await open({ update: { encoding: 'q8' } });
    const message = await expectRefused(round, {}, 'update_encoding_mismatch');
    expect(message).toBe('The update says that it is f32; the assignment asks for q8.');
    await expectRefused(round, { header: header('f16') }, 'update_encoding_mismatch');
    await expectRefused(round, { header: header('f8') }, 'invalid_request');
    await expectRefused(await open(), { header: header('f16'), payload: f16() }, 'update_encoding_mismatch');
  });

  it('does not hide what is no number, or too large', async () => {
    const half = await open({ update: { encoding: 'f16', maxMagnitude: 2 } });
    const nan = f16((halves) => (halves[17] = 0x7e00));
    const message = await expectRefused(half, { payload: nan, header: header('f16') }, 'update_not_finite');
    expect(message).toContain('between parameters 16 and 23');
    const large = f16((halves) => (halves[24] = 0xc001));
    await expectRefused(half, { payload: large, header: header('f16') }, 'update_magnitude_exceeded');

    const eighth = await open({ update: { encoding: 'q8', maxMagnitude: 2 }, privacy: { clipNorm: 5.1 } });
    const steep = q8((shards) => shards[3]!.setInt8(4, -5));
    expect(
      await expectRefused(eighth, { payload: steep, header: header('q8') }, 'update_magnitude_exceeded'),
    ).toContain('2.5 between parameters 24 and 24');
    // 25 elements of 1: a norm of 5, and of 5.3 when one is 2.
    const long = q8((shards) => shards[0]!.setInt8(4, 4));
    await expectRefused(eighth, { payload: long, header: header('q8') }, 'update_norm_exceeded');
    expect((await send(eighth, { payload: q8(), header: header('q8') })).status).toBe(200);
  });

  it.each<[string, (shards: DataView[]) => void]>([
    ['must be finite', (shards) => shards[1]!.setFloat32(0, NaN, true)],
    ['must not be negative', (shards) => shards[1]!.setFloat32(0, -1, true)],
    ['more than 16 significant bits', (shards) => shards[1]!.setFloat32(0, 1 + 2 ** -20, true)],
    ['a value of -128', (shards) => shards[1]!.setInt8(11, -128)],
  ])('q8 is refused when it has what it may not: %s', async (fault, patch) => {
    const round = await open({ update: { encoding: 'q8' } });
    const sent = { payload: q8(patch), header: header('q8') };
    const message = await expectRefused(round, sent, 'update_encoding_invalid');
    expect(message).toContain('between parameters 8 and 15 is no q8');
    expect(message).toContain(fault);
  });

  it('f16 is no choice where it has no numbers for the bound', async () => {
    const { repoId } = await open();
    const job = {
      modelId: 'm',
      hyperparams: { batchSize: 1 },
      update: { encoding: 'f16', maxMagnitude: 7e4 },
    };
    const answer = await pool.json(`/v1/repos/${repoId}/sessions`, { method: 'POST', body: job });
    expect(answer.body.error).toMatchObject({ code: 'invalid_job' });
    expect(answer.body.error.message).toContain('f16 has no numbers above 65504');
  });
});

describe('the lease of an update', () => {
  it('must be there, open and its own', async () => {
    const round = await open();
    const cases: [Sent, string][] = [
      [{ header: { sessionId: 's-none' } }, 'session_not_found'],
      [{ header: { round: 2 } }, 'round_closed'],
      [{ header: { attempt: 2 } }, 'round_closed'],
      [{ libraryId: 'stranger' }, 'not_assigned'],
      [{ token: 'cnk_wrong' }, 'unauthenticated'],
      [{ token: (await pool.repo()).apiKey }, 'session_not_found'],
      [{ header: { numExamples: 0 } }, 'invalid_request'],
      [{ header: { colour: 1 } }, 'invalid_request'],
    ];
    for (const [sent, code] of cases) await expectRefused(round, sent, code);
  });

  it('is over when it was declined', async () => {
    const round = await open();
    const { sessionId } = round;
    await pool.json('/v1/library/assignment/decline', {
      method: 'POST',
      token: round.apiKey,
      headers: { 'library-id': 'a' },
      body: { sessionId, round: 1, attempt: 1, reason: 'busy' },
    });
    await expectRefused(round, {}, 'assignment_over');
  });

  it('ends with the round, but what was counted stays so', async () => {
    const round = await open();
    await send(round, { libraryId: 'b' });
    const { repoId, sessionId } = round;
    const { record, rev } = await pool.stores.sessions.get(repoId, sessionId);
    const closing = { ...record, round: { ...record.round!, state: 'closing' as const, updates: 1 } };
    await pool.stores.sessions.write({ next: closing, events: [] }, { rev });
    expect((await send(round)).body.error.code).toBe('round_closed');
    expect((await send(round, { libraryId: 'b' })).body).toMatchObject({ duplicate: true });

    const next = ended(closing, { state: 'cancelled', reason: 'x', nowMs: 1 });
    expect(isFinal(next.state)).toBe(true);
    await pool.stores.sessions.write({ next, events: [] }, { rev: rev + 1 });
    expect((await send(round)).body.error.code).toBe('round_closed');
  });

  it('is not counted when the round closes while its bytes come in', async () => {
    const round = await open();
    const { repoId, sessionId } = round;
    const header = { sessionId, round: 1, attempt: 1, updateId: 'u-1', numExamples: 3 };
    const frame = encodeFrame(header, bytesOf(ramp()));
    let goOn = (): void => undefined;
    const closed = new Promise<void>((resolve) => (goOn = resolve));
    const slow = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        controller.enqueue(frame.slice(0, frame.length - 40));
        await closed;
        controller.enqueue(frame.slice(frame.length - 40));
        controller.close();
      },
    });
    const answer = pool.json('/v1/library/update', {
      method: 'PUT',
      token: round.apiKey,
      headers: { 'library-id': 'a' },
      body: slow,
    });
    await eventually(async () => expect(await inFlight()).toBe(1));
    await pool.json(`/v1/repos/${repoId}/sessions/${sessionId}/cancel`, { method: 'POST' });
    goOn();
    expect((await answer).body.error.code).toBe('round_closed');
    await eventually(async () => expect(await updateBlobs(round)).toEqual([]));
  });

  it('costs nothing when the sender goes away', async () => {
    const round = await open();
    const header = { sessionId: round.sessionId, round: 1, attempt: 1, updateId: 'u-1', numExamples: 3 };
    const frame = encodeFrame(header, bytesOf(ramp()));
    const gone = new AbortController();
    const request = fetch(`${pool.url}/v1/library/update`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${round.apiKey}`, 'library-id': 'a' },
      body: new ReadableStream({ start: (controller) => controller.enqueue(frame.slice(0, -8)) }),
      signal: gone.signal,
      duplex: 'half',
    } as RequestInit);
    await eventually(async () => expect(await inFlight()).toBe(1));
    gone.abort();
    await expect(request).rejects.toThrow();
    await eventually(async () => expect(await inFlight()).toBe(0));
    expect(await updateBlobs(round)).toEqual([]);
    expect((await send(round)).body).toMatchObject({ duplicate: false });
  });
});

it('an update that is refused early is answered before its body has come', async () => {
  const round = await open();
  const header = { sessionId: round.sessionId, round: 9, attempt: 1, updateId: 'u-1', numExamples: 3 };
  const frame = encodeFrame(header, new Uint8Array(8 * 2 ** 20));
  const answer = await pool.json('/v1/library/update', {
    method: 'PUT',
    token: round.apiKey,
    headers: { 'library-id': 'a' },
    body: frame,
  });
  expect(answer.body.error.code).toBe('round_closed');
  expect(answer.headers.get('connection')).toBe('close');
});

it('is read straight into memory when it is large', async () => {
  const byNode: (string | undefined)[] = [];
  const note = (message: unknown): void =>
    void byNode.push((message as { request: IncomingMessage }).request.url);
  // Node says so of the requests whose body it reads itself.
  subscribe('http.server.request.start', note);
  for (const bytes of [1_000, 100_000]) {
    const request = { method: 'PUT', token: '', body: new Uint8Array(bytes) };
    expect((await pool.call('/v1/library/update', request)).status).toBe(401);
  }
  unsubscribe('http.server.request.start', note);
  expect(byNode).toEqual(['/v1/library/update']);
});
