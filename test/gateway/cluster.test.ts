import { expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import { encodeFrame } from '../../src/protocol/frame.js';
import { publishHint } from '../../src/redis/hints.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway } from '../helpers/gateway.js';
import { bytesOf, openRound, ramp } from '../helpers/open-round.js';
import { allKeys, suiteServer } from '../helpers/servers.js';

it('a gateway over a Redis Cluster does all that one over a plain Redis does', async () => {
  const pool = await startGateway({ server: suiteServer({ cluster: true }) });
  try {
    const { repoId, apiKey, sessionId } = await openRound(pool, { a: 5, b: 5 });
    const auth = { apiKey, libraryId: 'a', protocolVersion: 1 };
    const socket = io(`${pool.url}/library`, { transports: ['websocket'], auth, reconnection: false });
    const hints: unknown[] = [];
    socket.on('library:hint', (hint) => hints.push(hint));
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const datasets = [{ datasetId: 'data', numExamples: 5 }];
    const joined = await socket.emitWithAck('library:join', { datasets });
    expect(joined).toMatchObject({ ok: true, assignment: { sessionId, round: 1, state: 'offered' } });
    const hint = { kind: 'libraries', repoId, libraryIds: ['a'], reason: 'assignment' } as const;
    await publishHint(pool.stores.context, hint);
    await eventually(() => expect(hints).toEqual([{ reason: 'assignment' }]));

    const header = { sessionId, round: 1, attempt: 1, updateId: 'u-1', numExamples: 3 };
    const update = await pool.json('/v1/library/update', {
      method: 'PUT',
      token: apiKey,
      headers: { 'library-id': 'a' },
      body: encodeFrame(header, bytesOf(ramp())),
    });
    expect(update.body).toMatchObject({ received: 1, needed: 2 });
    const weights = await pool.call(`/v1/repos/${repoId}/sessions/${sessionId}/versions/0/weights`);
    expect(new Float32Array(await weights.arrayBuffer())).toEqual(ramp());
    expect((await pool.json('/v1/pool')).body.redis.usedMemoryBytes).toBeGreaterThan(0);
    expect((await pool.call('/readyz')).status).toBe(200);

    expect((await pool.json(`/v1/repos/${repoId}`, { method: 'DELETE' })).body).toMatchObject({
      deleted: true,
    });
    await eventually(() => !socket.connected);
    const left = (await allKeys(pool.redis, pool.prefix)).filter((key) => key.includes(repoId));
    expect(left.filter((key) => !key.includes(':coordinate}'))).toEqual([]);
  } finally {
    await pool.close();
  }
});
