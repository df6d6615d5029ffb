import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { DeterministicTrainer } from '../../bench/lib/trainer.js';
import { newPoolKey, poolKeyPem, type PoolKey } from '../../src/gateway/identity/pool-key.js';
import { PoolSigner } from '../../src/gateway/identity/pool-signer.js';
import { signStatement } from '../../src/gateway/identity/sign.js';
import { signSuccessor } from '../../src/gateway/identity/successors.js';
import { Library, type CloudNodeError, type ErrorCode } from '../../src/library/index.js';
import { eventually } from '../helpers/eventually.js';
import { startGateway, type GatewayOptions, type TestGateway } from '../helpers/gateway.js';
import { openRound } from '../helpers/open-round.js';
import { startImpostor, startManInTheMiddle, type ManInTheMiddle } from './man-in-the-middle.js';

const key = newPoolKey();
const withKey = (own: PoolKey, env: Readonly<Record<string, string>> = {}): GatewayOptions => ({
  env: { POOL_KEY: poolKeyPem(own), ...env },
});
let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway(withKey(key));
});
afterAll(() => pool.close());

const leaving: Library[] = [];
afterEach(async () => {
  await Promise.all(leaving.splice(0).map((library) => library.leave()));
});

interface Participant {
  readonly library: Library;
  readonly trainer: DeterministicTrainer;
  readonly codes: ErrorCode[];
  readonly outcomes: string[];
}

function participant(
  url: string | readonly string[],
  apiKey: string,
  poolKey: string | readonly string[] = key.publicKey,
): Participant {
  const trainer = new DeterministicTrainer({ seed: 1, numExamples: 5 });
  const backoff = { baseMs: 10, maxMs: 50 };
  const library = new Library({ url, apiKey, libraryId: 'a', poolKey, trainer, backoff });
  const inputs = new Float32Array(5);
  library.addData('data', { inputs, inputShape: [1], labels: inputs, labelShape: [1] });
  const codes: ErrorCode[] = [];
  const outcomes: string[] = [];
  library.on('error', (error) => codes.push((error as CloudNodeError).code));
  library.on('round', ({ outcome }) => outcomes.push(outcome));
  leaving.push(library);
  return { library, trainer, codes, outcomes };
}

/** An open round that `a` is asked in, with somebody on the line to the gateway. */
async function tappedRound(): Promise<{ apiKey: string; middle: ManInTheMiddle }> {
  const { apiKey } = await openRound(pool, { a: 5 });
  return { apiKey, middle: await startManInTheMiddle(pool.url) };
}

test('a Library that pins the key trains with the pool that has it', async () => {
  const { apiKey, middle } = await tappedRound();
  const { library, trainer, codes, outcomes } = participant(middle.url, apiKey);
  await library.join();
  await eventually(() => outcomes.includes('counted'));
  expect([trainer.trained, codes]).toEqual([1, []]);
  // First of all the gateway proves itself; only then is it told the key.
  expect(middle.requests[0]).toBe('POST /v1/proof');
  expect(middle.heard[0]).not.toContain(apiKey);
});

test('a gateway with another key is an impostor, and is not told the API key', async () => {
  const { repoId, apiKey } = await pool.repo();
  const impostor = PoolSigner.from({ POOL_KEY: poolKeyPem(newPoolKey()) });
  const { url, heard } = await startImpostor((_path, body) => {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    return impostor?.proof({ repoId, nonce }) ?? {};
  });
  const { library, trainer } = participant(url, apiKey);
  await expect(library.join()).rejects.toMatchObject({ code: 'pool_impostor' });
  expect([library.state, trainer.trained, heard.length]).toEqual(['stopped', 0, 1]);
  expect(heard[0]).not.toContain(apiKey.slice(-43));
});

test('whoever shows the right key but can not sign with it is an impostor', async () => {
  const { repoId, apiKey } = await pool.repo();
  const { url } = await startImpostor((_path, body) => {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    const signed = signStatement(newPoolKey(), 'proof', { repoId, nonce, protocolVersion: 1 });
    return { ...signed, publicKey: key.publicKey, successors: [] };
  });
  await expect(participant(url, apiKey).library.join()).rejects.toMatchObject({ code: 'pool_impostor' });
});

test('a signature of another kind is no proof', async () => {
  const { repoId, apiKey } = await pool.repo();
  const { url } = await startImpostor((_path, body) => {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    return signStatement(key, 'manifest', { repoId, nonce, protocolVersion: 1 });
  });
  await expect(participant(url, apiKey).library.join()).rejects.toMatchObject({ code: 'pool_impostor' });
});

test('a proof that was given to somebody else is a replay', async () => {
  const { repoId, apiKey } = await pool.repo();
  const answer = await pool.json('/v1/proof', { method: 'POST', body: { repoId, nonce: 'n'.repeat(32) } });
  const { url } = await startImpostor(() => answer.body as object);
  await expect(participant(url, apiKey).library.join()).rejects.toMatchObject({ code: 'pool_replayed' });
});

test('a proof for another Repo is a replay', async () => {
  const { repoId } = await pool.repo();
  const { apiKey } = await pool.repo();
  const { url } = await startImpostor((_path, body) => {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    return signStatement(key, 'proof', { repoId, nonce, protocolVersion: 1 });
  });
  await expect(participant(url, apiKey).library.join()).rejects.toMatchObject({ code: 'pool_replayed' });
});

test('a pool that proves an older protocol version is refused', async () => {
  const { repoId, apiKey } = await pool.repo();
  const { url } = await startImpostor((_path, body) => {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    return signStatement(key, 'proof', { repoId, nonce, protocolVersion: 0 });
  });
  await expect(participant(url, apiKey).library.join()).rejects.toMatchObject({ code: 'pool_downgraded' });
});

test('a protocol version that is changed on the way breaks the proof', async () => {
  const { apiKey, middle } = await tappedRound();
  middle.answer = (path, body) =>
    path === '/v1/proof'
      ? Buffer.from(body.toString().replace('\\"protocolVersion\\":1', '\\"protocolVersion\\":0'))
      : body;
  await expect(participant(middle.url, apiKey).library.join()).rejects.toMatchObject({
    code: 'pool_impostor',
  });
});

test.each<[string, (body: Buffer) => Buffer | { status: number; body: string }]>([
  ['emptied', () => Buffer.from('{}')],
  [
    'refused',
    () => ({ status: 404, body: '{"error":{"code":"route_not_found","message":"","retryable":false}}' }),
  ],
  ['refused by a proxy', () => ({ status: 404, body: '<html>' })],
])('a proof that is %s on the way is missed', async (_how, strip) => {
  const { apiKey, middle } = await tappedRound();
  middle.answer = (path, body) => (path === '/v1/proof' ? strip(body) : body);
  const { library, trainer } = participant(middle.url, apiKey);
  await expect(library.join()).rejects.toMatchObject({ code: 'pool_unproven' });
  expect([trainer.trained, middle.requests]).toEqual([0, ['POST /v1/proof']]);
});

test('a pool without a key is refused by whoever pins one, and serves everybody else as before', async () => {
  const unsigned = await startGateway();
  try {
    const { apiKey } = await openRound(unsigned, { a: 5 });
    await expect(participant(unsigned.url, apiKey).library.join()).rejects.toMatchObject({
      code: 'pool_unproven',
    });
    const headers = { 'library-id': 'a' };
    const path = `/v1/library/assignment?nonce=${'n'.repeat(32)}`;
    const { body } = await unsigned.json(path, { token: apiKey, headers });
    expect([body.assignment.round, body.signed]).toEqual([1, undefined]);
  } finally {
    await unsigned.close();
  }
});

test('the signature of an assignment that is taken off on the way is missed', async () => {
  const { apiKey, middle } = await tappedRound();
  middle.word = (text) => text.replace('"signed":{', '"unsigned":{');
  const { library, trainer } = participant(middle.url, apiKey);
  await expect(library.join()).rejects.toMatchObject({ code: 'pool_unproven' });
  expect(trainer.trained).toBe(0);
});

test('an assignment that is changed on the way is refused', async () => {
  const { apiKey, middle } = await tappedRound();
  middle.word = (text) => text.replaceAll('\\"batchSize\\":2', '\\"batchSize\\":9');
  const { library, trainer } = participant(middle.url, apiKey);
  await expect(library.join()).rejects.toMatchObject({ code: 'pool_altered' });
  expect(trainer.trained).toBe(0);
});

test('what stands beside the signed text is not believed', async () => {
  const { apiKey, middle } = await tappedRound();
  middle.word = (text) =>
    text.replaceAll('"batchSize":2', '"batchSize":9').replace('"pollMs":10000', '"pollMs":1');
  const { library, trainer, outcomes } = participant(middle.url, apiKey);
  const asked: unknown[] = [];
  const train = trainer.train.bind(trainer);
  trainer.train = (request) => {
    asked.push(request.hyperparams.batchSize);
    return train(request);
  };
  await library.join();
  await eventually(() => outcomes.includes('counted'));
  expect(asked).toEqual([2]);
});

test('hashes of shards that do not make the signed root hash are refused', async () => {
  const { apiKey, middle } = await tappedRound();
  middle.word = (text) => text.replace(/"shards":\["[0-9a-f]{64}"/, `"shards":["${'0'.repeat(64)}"`);
  const { library, trainer } = participant(middle.url, apiKey);
  await expect(library.join()).rejects.toMatchObject({ code: 'pool_altered' });
  expect(trainer.trained).toBe(0);
});

test('an assignment that was given before is a replay', async () => {
  const { apiKey, middle } = await tappedRound();
  let first: string | null = null;
  middle.word = (text) => {
    const [, id, answer] = /^43\/library,(\d+)(\[.*"signed".*)$/s.exec(text) ?? [];
    if (id === undefined || answer === undefined) return text;
    first ??= answer;
    return `43/library,${id}${first}`;
  };
  const one = participant(middle.url, apiKey);
  await one.library.join();
  await eventually(() => one.outcomes.includes('counted'));
  await one.library.leave();
  // The same Library after a restart: nothing in its memory could tell it.
  const two = participant(middle.url, apiKey);
  await expect(two.library.join()).rejects.toMatchObject({ code: 'pool_replayed' });
  expect(two.trainer.trained).toBe(0);
});

test.each<[string, string, (body: Buffer) => void]>([
  ['one bit of one weight', '/weights', (body) => void (body[body.length - 2]! ^= 1)],
  ['one letter of the topology', '/topologies/', (body) => void (body[body.indexOf('linear')]! ^= 1)],
])('a model with %s altered on the way is refused before any training', async (_what, path, alter) => {
  const { apiKey, middle } = await tappedRound();
  middle.answer = (asked, body) => {
    if (asked.includes(path)) alter(body);
    return body;
  };
  const { library, trainer, codes, outcomes } = participant(middle.url, apiKey);
  await library.join();
  await eventually(() => outcomes.length > 0);
  expect([trainer.trained, codes, outcomes]).toEqual([0, ['pool_altered'], ['failed']]);
});

test.each<[string, ErrorCode, (manifest: Record<string, unknown>) => object]>([
  ['without its signature', 'pool_unproven', ({ signed: _, ...manifest }) => manifest],
  [
    'changed',
    'pool_altered',
    ({ signed, ...rest }) => ({
      ...rest,
      signed: {
        ...(signed as object),
        statement: (signed as { statement: string }).statement.replace('[4,5]', '[5,4]'),
      },
    }),
  ],
  [
    'signed by somebody else',
    'pool_impostor',
    ({ signed, ...rest }) => ({
      ...rest,
      signed: { ...(signed as object), publicKey: newPoolKey().publicKey },
    }),
  ],
])('a manifest %s is refused before any training', async (_what, code, change) => {
  const { apiKey, middle } = await tappedRound();
  middle.answer = (path, body) =>
    /\/versions\/0$/.test(path)
      ? Buffer.from(JSON.stringify(change(JSON.parse(body.toString()) as Record<string, unknown>)))
      : body;
  const { library, trainer, codes, outcomes } = participant(middle.url, apiKey);
  await library.join();
  await eventually(() => outcomes.length > 0);
  expect([trainer.trained, codes, outcomes]).toEqual([0, [code], ['failed']]);
});

test('a Library that had joined waits while somebody else has the address of the pool', async () => {
  const { apiKey, middle } = await tappedRound();
  const other = PoolSigner.from({ POOL_KEY: poolKeyPem(newPoolKey()) });
  let isImpostor = false;
  middle.answer = (path, body) =>
    isImpostor && path === '/v1/proof'
      ? Buffer.from(JSON.stringify(other?.proof({ repoId: 'r', nonce: 'n' })))
      : body;
  const { library, codes, outcomes } = participant(middle.url, apiKey);
  await library.join();
  await eventually(() => outcomes.includes('counted'));
  isImpostor = true;
  middle.cut();
  await eventually(() => codes.includes('pool_impostor'));
  expect(library.state).toBe('connecting');
  isImpostor = false;
  await eventually(() => library.state === 'idle');
});

test('a key that a pinned one has handed over to is the pool’s; from its time on, and no other', async () => {
  const [old, next, last, stranger] = [newPoolKey(), newPoolKey(), newPoolKey(), newPoolKey()];
  const now = Date.now();
  const to = (from: PoolKey, { publicKey }: PoolKey, notBeforeMs = now - 1) =>
    signSuccessor(from, { publicKey, notBeforeMs });
  const chain = JSON.stringify([to(old, next), to(next, last)]);
  const rotated = await startGateway(withKey(last, { POOL_SUCCESSORS: chain }));
  const early = await startGateway(
    withKey(next, { POOL_SUCCESSORS: JSON.stringify([to(old, next, now + 3_600_000)]) }),
  );
  try {
    for (const pinned of [old, next, last]) {
      const { apiKey } = await openRound(rotated, { a: 5 });
      const { library, outcomes } = participant(rotated.url, apiKey, pinned.publicKey);
      await library.join();
      await eventually(() => outcomes.includes('counted'));
    }
    const { apiKey } = await rotated.repo();
    await expect(participant(rotated.url, apiKey, stranger.publicKey).library.join()).rejects.toMatchObject({
      code: 'pool_impostor',
    });
    await participant(rotated.url, apiKey, [stranger.publicKey, old.publicKey]).library.join();
    const other = await early.repo();
    await expect(participant(early.url, other.apiKey, old.publicKey).library.join()).rejects.toMatchObject({
      code: 'pool_impostor',
      message: expect.stringContaining(new Date(now + 3_600_000).toISOString()) as unknown,
    });
    await participant(early.url, other.apiKey, next.publicKey).library.join();
  } finally {
    await Promise.all(leaving.splice(0).map((library) => library.leave()));
    await rotated.close();
    await early.close();
  }
});

test('a successor that no known key has signed counts for nothing', async () => {
  const { repoId, apiKey } = await pool.repo();
  const thief = newPoolKey();
  const forged = {
    ...signSuccessor(thief, { publicKey: thief.publicKey, notBeforeMs: 0 }),
    publicKey: key.publicKey,
  };
  const { url } = await startImpostor((_path, body) => {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    const own = signSuccessor(thief, { publicKey: thief.publicKey, notBeforeMs: 0 });
    return {
      ...signStatement(thief, 'proof', { repoId, nonce, protocolVersion: 1 }),
      successors: [forged, own, null, { statement: '{' }],
    };
  });
  await expect(participant(url, apiKey).library.join()).rejects.toMatchObject({ code: 'pool_impostor' });
});
