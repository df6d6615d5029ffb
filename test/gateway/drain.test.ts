import { connect } from 'node:net';
import { expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import { encodeFrame } from '../../src/protocol/frame.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway } from '../helpers/gateway.js';
import { bytesOf, openRound, ramp } from '../helpers/open-round.js';

it('drains: takes nothing new, sends sockets away, ends streams, and finishes what is in flight', async () => {
  const pool = await startGateway({ env: { DRAIN_MS: '5000' } });
  const { repoId, apiKey, sessionId } = await openRound(pool, { a: 5 });
  const auth = { apiKey, libraryId: 'a', protocolVersion: 1 };
  const socket = io(`${pool.url}/library`, { transports: ['websocket'], auth, reconnection: false });
  const notices: unknown[] = [];
  socket.on('server:draining', (notice) => notices.push(notice));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const events = await pool.call(`/v1/repos/${repoId}/sessions/${sessionId}/events`);
  const eventsEnd = events.text();

  const header = { sessionId, round: 1, attempt: 1, updateId: 'u-1', numExamples: 3 };
  const frame = encodeFrame(header, bytesOf(ramp()));
  let finish = (): void => undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(frame.slice(0, 150));
      finish = () => {
        controller.enqueue(frame.slice(150));
        controller.close();
      };
    },
  });
  const headers = { 'library-id': 'a' };
  const upload = pool.json('/v1/library/update', { method: 'PUT', token: apiKey, headers, body });
  const updates = async () => (await pool.call('/metrics')).text();
  await eventually(async () => expect(await updates()).toMatch(/uploads_in_flight [1-9]/));

  const drained = pool.gateway.drain();
  await eventually(() => expect(notices).toEqual([{ reconnectWithinMs: 2500 }]));
  socket.disconnect();
  // The stream can be gone on with elsewhere; the upload can not.
  expect(await eventsEnd).toContain('round.opened');
  expect(await isListening(pool.url)).toBe(false);
  finish();
  const answer = await upload;
  expect(answer.body).toMatchObject({ received: 1 });
  expect(answer.headers.get('connection')).toBe('close');
  const startedMs = performance.now();
  await drained;
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  await pool.close();
});

it('disconnects sockets that do not leave, and stops waiting in time', async () => {
  const pool = await startGateway({ env: { DRAIN_MS: '300' } });
  const { apiKey } = await pool.repo();
  const auth = { apiKey, libraryId: 'a', protocolVersion: 1 };
  const socket = io(`${pool.url}/library`, { transports: ['websocket'], auth, reconnection: false });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const startedMs = performance.now();
  await pool.gateway.drain();
  expect(performance.now() - startedMs).toBeLessThan(600);
  await eventually(() => !socket.connected);
  await pool.gateway.drain();
  await pool.close();
});

function isListening(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
