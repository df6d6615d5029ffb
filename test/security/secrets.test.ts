import type { Redis } from 'ioredis';
import { expect, it } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { Explora } from '../../src/explora/index.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { startPool } from '../helpers/pool.js';
import { startHttpProxy } from '../helpers/http-proxy.js';
import { connectTo, mastersOf } from '../helpers/servers.js';
import { watchCommands } from './watch-commands.js';
import { jwt } from './world.js';

const SECRET = 'a secret that only tests know, 32+ characters';
const PREVIOUS = 'the secret before, which is worth as much as it';

/** Every key of a server with all that it holds, as text: what a dump of Redis would give away. */
async function dump(redis: Redis): Promise<string> {
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    const value =
      type === 'string'
        ? (await redis.getBuffer(key))?.toString('latin1')
        : type === 'hash'
          ? await redis.hgetall(key)
          : type === 'list'
            ? await redis.lrange(key, 0, -1)
            : type === 'set'
              ? await redis.smembers(key)
              : type === 'zset'
                ? await redis.zrange(key, '0', '-1')
                : type === 'stream'
                  ? await redis.xrange(key, '-', '+')
                  : `no reader for ${type}`;
    texts.push(`${key} ${JSON.stringify(value)}`);
  }
  return texts.join('\n');
}

it('no secret is logged, stored, put into a job or a URL, or answered, in a session from end to end', async () => {
  const poolKey = newPoolKey();
  const env = { LOG_LEVEL: 'trace', AUTH_SECRET_PREVIOUS: PREVIOUS, POOL_KEY: poolKeyPem(poolKey) };
  const pool = await startPool({ env });
  const gateway = pool.gateways[0];
  const proxy = await startHttpProxy({ port: Number(new URL(gateway?.url ?? '').port) });
  const url = `http://127.0.0.1:${proxy.port}`;
  const redis = await connectTo(pool.server);
  const masters = mastersOf(redis);
  const watching = await Promise.all(masters.map(({ options }) => watchCommands(options)));
  try {
    const { repoId, apiKey, explora } = await pool.repo();
    const owner = jwt({ role: 'owner', repos: [repoId], jti: 'owners' });
    const bodies: string[] = [];
    const ask = async (path: string, method = 'GET', body?: string): Promise<void> => {
      const answer = await pool.fetch(path, {
        method,
        token: owner,
        ...(body === undefined ? {} : { body }),
      });
      bodies.push(await answer.text());
    };
    // Through a proxy that writes down every URL; sockets do not go through it.
    const byHttp = new Explora({ url, repoId, token: await pool.token('explora', [repoId]) });
    const { modelId } = await byHttp.uploadModel(denseModel(20, 20));
    for (const libraryId of ['ada', 'ben'])
      await pool.library({ apiKey, libraryId, numExamples: 10, urls: [gateway?.url ?? ''] }).join();
    const session = await explora.submit({
      modelId,
      hyperparams: { batchSize: 5 },
      selection: { type: 'all', goal: 2 },
      termination: { maxRounds: 2 },
    });
    expect((await session.result()).state).toBe('completed');
    const headers = { authorization: `Bearer ${apiKey}`, 'library-id': 'ada' };
    bodies.push(await (await fetch(`${url}/v1/library/assignment`, { headers })).text());
    // What is refused is logged with its reason, and that must not be the credential.
    const wrong = `${apiKey.slice(0, -1)}${apiKey.endsWith('A') ? 'B' : 'A'}`;
    const forged = jwt({ role: 'admin' }, { secret: 'nobody gave us this one, 32 characters' });
    for (const credential of [wrong, forged, owner]) {
      const answer = await fetch(`${url}/v1/library/assignment`, {
        headers: { authorization: `Bearer ${credential}`, 'library-id': 'ada' },
      });
      bodies.push(await answer.text());
    }
    for (const path of ['', '/keys', '/sessions', '/models', `/sessions/${session.sessionId}`])
      await ask(`/v1/repos/${repoId}${path}`);
    await ask('/v1/pool');
    await pool.fetch('/v1/revocations', { method: 'POST', body: JSON.stringify({ jti: 'owners' }) });
    await ask('/v1/repos');

    const secrets = {
      'the secret of the pool': SECRET,
      'its previous secret': PREVIOUS,
      'the private key of the pool': poolKeyPem(poolKey).split('\n')[1] ?? '',
      'the same as a JWK': poolKey.privateKey.export({ format: 'jwk' }).d ?? '',
      'the secret of the key': apiKey.slice(-43),
      'the secret of a wrong key': wrong.slice(-43),
      'the signature of a token': owner.split('.')[2] ?? '',
      'the signature of a forged token': forged.split('.')[2] ?? '',
    };
    const places = {
      logs: pool.nodes.flatMap(({ lines }) => lines).join('\n'),
      'what Redis holds': (await Promise.all(masters.map(dump))).join('\n'),
      'what Redis was told': watching.map(({ told }) => told()).join('\n'),
      answers: bodies.join('\n'),
      URLs: proxy.seen.map(({ path }) => path).join('\n'),
    };
    const found = Object.entries(places).flatMap(([place, text]) =>
      Object.entries(secrets).flatMap(([name, secret]) =>
        text.includes(secret) ? [`${name} in ${place}`] : [],
      ),
    );
    expect(found).toEqual([]);
    // There was something to find them in.
    expect(places.logs).toContain('request refused');
    expect(places['what Redis holds']).toContain(repoId);
    expect(places['what Redis was told']).toContain(session.sessionId);
    expect(places.answers).toContain('was revoked');
    expect(places.URLs.split('\n').length).toBeGreaterThan(3);
  } finally {
    for (const { close } of watching) close();
    redis.disconnect();
  }
});
