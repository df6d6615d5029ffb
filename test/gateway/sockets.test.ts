import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { encodeFrame } from '../../src/protocol/frame.js';
import { publishHint } from '../../src/redis/hints.js';
import { eventually } from '../helpers/eventually.js';
import { signToken, startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, openRound, ramp, uploadModel } from '../helpers/open-round.js';

let pool: TestGateway;
let second: TestGateway;
const sockets: Socket[] = [];
beforeAll(async () => {
  pool = await startGateway();
  second = await startGateway({ like: pool });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});
afterAll(async () => {
  await second.close();
  await pool.close();
});

interface Client {
  readonly socket: Socket;
  readonly heard: { event: string; data: Json }[];
  call(event: string, input?: unknown): Promise<Json>;
}

function connect(gateway: TestGateway, namespace: string, auth: object): Promise<Client> {
  const options = { transports: ['websocket'], auth, reconnection: false, forceNew: true };
  const socket = io(`${gateway.url}${namespace}`, options);
  sockets.push(socket);
  const heard: { event: string; data: Json }[] = [];
  socket.onAny((event: string, data: unknown) => heard.push({ event, data }));
  return new Promise((resolve, reject) => {
    socket.once('connect_error', reject);
    socket.once('connect', () =>
      resolve({
        socket,
        heard,
        call: (event, input = {}) => socket.timeout(5_000).emitWithAck(event, input),
      }),
    );
  });
}

const library = (apiKey: string, libraryId: string, via = pool) =>
  connect(via, '/library', { apiKey, libraryId, protocolVersion: 1 });
const refusal = (namespace: string, auth: object) =>
  connect(pool, namespace, auth).then(
    () => 'ok',
    (error: Error & { data?: { code: string } }) => error.data?.code ?? error.message,
  );
const datasets = [{ datasetId: 'data', numExamples: 5 }];

describe('the handshake', () => {
  it('lets in who has a key or a token, and tells others why not', async () => {
    const { apiKey } = await pool.repo();
    const token = await signToken('explora');
    expect(await refusal('/library', { apiKey, libraryId: 'a', protocolVersion: 1 })).toBe('ok');
    const cases: [string, object, string][] = [
      ['/library', { apiKey: 'cnk_no', libraryId: 'a', protocolVersion: 1 }, 'unauthenticated'],
      ['/library', { apiKey, libraryId: 'a', protocolVersion: 2 }, 'unsupported_protocol'],
      ['/library', { apiKey, libraryId: 'a b', protocolVersion: 1 }, 'invalid_request'],
      ['/library', {}, 'invalid_request'],
      ['/explora', { token: 'x', protocolVersion: 1 }, 'unauthenticated'],
      ['/dashboard', { token, protocolVersion: 7 }, 'unsupported_protocol'],
    ];
    for (const [namespace, auth, code] of cases) expect(await refusal(namespace, auth)).toBe(code);
  });

  it('is by websocket only', async () => {
    const answer = await pool.call('/socket.io/?EIO=4&transport=polling');
    expect(answer.status).toBe(400);
  });
});

describe('a Library on a socket', () => {
  it('joins, is counted as there, and away as soon as it leaves', async () => {
    const { repoId, apiKey } = await pool.repo();
    const client = await library(apiKey, 'a');
    expect(await client.call('library:join', { datasets })).toEqual({
      ok: true,
      libraryId: 'a',
      assignment: null,
      pollMs: 10_000,
      heartbeatMs: 2_000,
    });
    expect(await pool.stores.libraries.countOnline(repoId)).toBe(1);
    client.socket.disconnect();
    await eventually(async () => (await pool.stores.libraries.countOnline(repoId)) === 0);
  });

  it('wakes the sessions that wait for Libraries', async () => {
    const { apiKey } = await openRound(pool, { a: 5 });
    const queues = async () => (await pool.json('/v1/pool')).body.queues.coordinate as number;
    const before = await queues();
    const client = await library(apiKey, 'new');
    await client.call('library:join', { datasets });
    await eventually(async () => (await queues()) >= before);
    expect(await client.call('assignment:get')).toMatchObject({ ok: true, assignment: null });
  });

  it('does its work there', async () => {
    const { apiKey, sessionId } = await openRound(pool, { a: 5, b: 5 });
    const client = await library(apiKey, 'a');
    const key = { sessionId, round: 1, attempt: 1 };
    expect(await client.call('assignment:get')).toMatchObject({
      ok: true,
      assignment: { ...key, state: 'offered' },
    });
    expect(await client.call('assignment:accept', key)).toMatchObject({ assignment: { state: 'accepted' } });
    expect(await client.call('assignment:progress', { ...key, epoch: 1, epochs: 1 })).toEqual({ ok: true });
    const frame = encodeFrame({ ...key, updateId: 'u-1', numExamples: 5 }, bytesOf(ramp()));
    const accepted = { ok: true, updateId: 'u-1', duplicate: false, received: 1, needed: 2 };
    expect(await client.call('update:put', frame)).toEqual(accepted);
    expect(await client.call('update:put', frame)).toEqual({ ...accepted, duplicate: true });
    expect(await client.call('assignment:decline', key)).toMatchObject({
      ok: false,
      error: { code: 'assignment_over', retryable: false },
    });
    const other = await library(apiKey, 'b');
    expect(await other.call('assignment:fail', { ...key, reason: 'x' })).toMatchObject({
      ok: true,
      assignment: null,
    });
  });

  it('is told what is wrong, and never cut off for it', async () => {
    const { apiKey } = await pool.repo();
    const client = await library(apiKey, 'a');
    expect((await client.call('library:join', { datasets: 'x' })).error.code).toBe('invalid_request');
    expect((await client.call('update:put', { no: 'frame' })).error.code).toBe('invalid_frame');
    const large = await client.call('update:put', new Uint8Array(256 * 1024 + 1));
    expect(large.error).toMatchObject({ code: 'payload_too_large' });
    expect(large.error.message).toContain('262144');
    // Without an acknowledgement function, and with nothing at all.
    client.socket.emit('library:join', { datasets });
    client.socket.emit('assignment:get');
    expect((await client.call('assignment:get')).ok).toBe(true);
  });

  it('hears hints on whichever gateway it is', async () => {
    const { repoId, apiKey } = await pool.repo();
    const a = await library(apiKey, 'a');
    const b = await library(apiKey, 'b', second);
    const to = { kind: 'libraries', repoId, libraryIds: ['b'], reason: 'assignment' } as const;
    await publishHint(pool.stores.context, to);
    await eventually(() =>
      expect(b.heard).toEqual([{ event: 'library:hint', data: { reason: 'assignment' } }]),
    );
    await publishHint(pool.stores.context, { ...to, libraryIds: null, reason: 'stop' });
    await eventually(() => expect(a.heard).toEqual([{ event: 'library:hint', data: { reason: 'stop' } }]));
    await eventually(() => b.heard.length === 2);
  });

  it('has one connection: the newest, whichever gateway it is on', async () => {
    const { repoId, apiKey } = await pool.repo();
    const old = await library(apiKey, 'a');
    await old.call('library:join', { datasets });
    const other = await library(apiKey, 'other');
    const young = await library(apiKey, 'a', second);
    await young.call('library:join', { datasets });
    await eventually(() => !old.socket.connected);
    expect([young.socket.connected, other.socket.connected]).toEqual([true, true]);
    // The old one's end does not make the Library go away.
    expect(await pool.stores.libraries.countOnline(repoId)).toBe(1);
  });

  it('is cut off when its key is revoked, others are not', async () => {
    const { repoId, apiKey, keyId } = await pool.repo();
    const made = await pool.json(`/v1/repos/${repoId}/keys`, { method: 'POST', body: {} });
    const old = await library(apiKey, 'a', second);
    const young = await library(made.body.apiKey as string, 'b');
    await pool.call(`/v1/repos/${repoId}/keys/${keyId}`, { method: 'DELETE' });
    await eventually(() => !old.socket.connected);
    expect(young.socket.connected).toBe(true);
    await pool.call(`/v1/repos/${repoId}`, { method: 'DELETE' });
    await eventually(() => !young.socket.connected);
  });
});

describe('Explora and the Dashboard on a socket', () => {
  it('submits, follows to the end, and cancels', async () => {
    const { repoId } = await pool.repo();
    const modelId = await uploadModel(pool, repoId);
    const auth = { token: await signToken('explora', [repoId]), protocolVersion: 1 };
    const explora = await connect(pool, '/explora', auth);
    const dashboard = await connect(second, '/dashboard', auth);
    const job = { modelId, hyperparams: { batchSize: 1 } };
    const { session } = await explora.call('job:submit', { repoId, job });
    const ref = { repoId, sessionId: session.sessionId as string };
    expect(session.state).toBe('queued');
    expect((await dashboard.call('session:get', ref)).session.sessionId).toBe(ref.sessionId);

    const types = ({ heard }: Client) => heard.map(({ data }) => data.event.type as string);
    expect(await dashboard.call('session:follow', ref)).toEqual({ ok: true });
    await eventually(() => expect(types(dashboard)).toEqual(['session.queued']));
    expect(dashboard.heard[0]).toMatchObject({ event: 'session:event', data: ref });
    await explora.call('session:follow', { ...ref, afterEventId: dashboard.heard[0]!.data.id });
    await explora.call('session:unfollow', ref);
    await explora.call('session:follow', { ...ref, afterEventId: dashboard.heard[0]!.data.id });

    const cancelled = await explora.call('session:cancel', { ...ref, reason: 'enough' });
    expect(cancelled.session).toMatchObject({ state: 'cancelled', reason: 'enough' });
    await eventually(() => expect(types(dashboard)).toEqual(['session.queued', 'session.cancelled']));
    await eventually(() => expect(types(explora)).toEqual(['session.cancelled']));
    expect((await explora.call('session:cancel', ref)).error.code).toBe('session_ended');
  });

  it('may do what the token says, in its Repos', async () => {
    const { repoId } = await pool.repo();
    const token = await signToken('dashboard', [repoId]);
    const explora = await connect(pool, '/explora', { token, protocolVersion: 1 });
    expect((await explora.call('job:submit', { repoId, job: {} })).error.code).toBe('forbidden');
    const other = await explora.call('session:get', { repoId: 'else', sessionId: 's' });
    expect(other.error.code).toBe('forbidden');
    const none = await explora.call('session:follow', { repoId, sessionId: 's' });
    expect(none.error.code).toBe('session_not_found');
    const dashboard = await connect(pool, '/dashboard', {
      token: await signToken('admin'),
      protocolVersion: 1,
    });
    const unanswered = dashboard.socket.timeout(200).emitWithAck('job:submit', { repoId, job: {} });
    await expect(unanswered).rejects.toThrow();
    const wrong = await explora.call('session:get', { repoId });
    expect(wrong.error).toMatchObject({ code: 'invalid_request' });
  });
});
