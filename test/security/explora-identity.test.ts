import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { PoolSigner } from '../../src/gateway/identity/pool-signer.js';
import { Explora } from '../../src/explora/index.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { openRound, ramp } from '../helpers/open-round.js';
import { startImpostor, startManInTheMiddle } from './man-in-the-middle.js';

const key = newPoolKey();
let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway({ env: { POOL_KEY: poolKeyPem(key) } });
});
afterAll(() => pool.close());

test('Explora tells an impostor nothing, neither over HTTP nor over a socket', async () => {
  const other = PoolSigner.from({ POOL_KEY: poolKeyPem(newPoolKey()) });
  const { url, heard } = await startImpostor((_path, body) => {
    return other?.proof(JSON.parse(body.toString()) as { repoId: string; nonce: string }) ?? {};
  });
  const token = await signToken('explora', ['clinics']);
  const explora = new Explora({ url, token, repoId: 'clinics', poolKey: key.publicKey });
  const job = { modelId: 'm-1', hyperparams: { batchSize: 1 } };
  await expect(explora.sessions()).rejects.toMatchObject({ code: 'pool_impostor' });
  await expect(explora.submit(job, { via: 'socket' })).rejects.toMatchObject({ code: 'pool_impostor' });
  expect(heard.map((request) => request.split(' ').slice(0, 2).join(' '))).toEqual([
    'POST /v1/proof',
    'POST /v1/proof',
  ]);
  expect(heard.join('\n')).not.toContain(token);
});

test('Explora takes a version for what the pool has signed, and no other', async () => {
  const { repoId, sessionId } = await openRound(pool, { a: 5 });
  const middle = await startManInTheMiddle(pool.url);
  const token = await signToken('explora', [repoId]);
  const explora = new Explora({ url: middle.url, token, repoId, poolKey: key.publicKey });
  const { weights, manifest } = await explora.downloadVersion(sessionId, 0);
  expect([weights, manifest.version, manifest.parameters.shards.length]).toEqual([ramp(), 0, 4]);

  const change = (part: string, by: (text: string) => string): void => {
    middle.answer = (path, body) => (path.endsWith(part) ? Buffer.from(by(body.toString())) : body);
  };
  change('/versions/0', (text) => text.replaceAll('\\"version\\":0', '\\"version\\":1'));
  await expect(explora.downloadVersion(sessionId, 0)).rejects.toMatchObject({ code: 'pool_altered' });
  change('/versions/0', (text) => text.replace('"signed"', '"unsigned"'));
  await expect(explora.downloadVersion(sessionId, 0)).rejects.toMatchObject({ code: 'pool_unproven' });
  change('/versions/0', (text) => text.replace(/"shards":\["[0-9a-f]{64}"/, `"shards":["${'0'.repeat(64)}"`));
  await expect(explora.downloadVersion(sessionId, 0)).rejects.toThrow('do not belong to the version');
  const other = await openRound(pool, { a: 5 });
  const theirs = await pool.json(`/v1/repos/${other.repoId}/sessions/${other.sessionId}/versions/0`);
  change('/versions/0', () => JSON.stringify(theirs.body));
  await expect(explora.downloadVersion(sessionId, 0)).rejects.toMatchObject({ code: 'pool_replayed' });
});
