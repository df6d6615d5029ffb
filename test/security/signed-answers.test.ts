import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { isSignedBy, signStatement } from '../../src/gateway/identity/sign.js';
import { isSigned } from '../../src/protocol/client/signed.js';
import type { Signed, StatementKind } from '../../src/protocol/identity.js';
import { startGateway, type TestGateway } from '../helpers/gateway.js';
import { openRound } from '../helpers/open-round.js';

const key = newPoolKey();
const KINDS: readonly StatementKind[] = ['proof', 'successor', 'status', 'manifest'];
let pool: TestGateway;
let other: TestGateway;
beforeAll(async () => {
  pool = await startGateway({ env: { POOL_KEY: poolKeyPem(key) } });
  other = await startGateway({ env: { POOL_KEY: poolKeyPem(key) }, like: pool });
});
afterAll(async () => {
  await other.close();
  await pool.close();
});

const flip = (text: string, bit: number): string => {
  const bytes = Buffer.from(text, 'base64url');
  const at = bit % (bytes.length * 8);
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
  return bytes.toString('base64url');
};

test('the SDK takes what a gateway has signed; not with one bit changed, and not as something else', async () => {
  const kind = fc.constantFrom(...KINDS);
  const property = fc.asyncProperty(
    kind,
    kind,
    fc.dictionary(fc.string(), fc.string()),
    fc.nat(),
    async (as, not, said, bit) => {
      const signed = signStatement(key, as, said);
      expect([await isSigned(as, signed), isSignedBy(signed, as)]).toEqual([true, true]);
      const changed: Signed[] = [
        { ...signed, statement: `${signed.statement} ` },
        { ...signed, signature: flip(signed.signature, bit) },
        { ...signed, publicKey: flip(signed.publicKey, bit) },
        { ...signed, signature: signed.signature.slice(1) },
        { ...signed, publicKey: 'ä' },
      ];
      for (const one of changed) {
        expect([await isSigned(as, one), isSignedBy(one, as)]).toEqual([false, false]);
      }
      if (as !== not) expect(await isSigned(not, signed)).toBe(false);
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test('a Library over plain HTTP gets signed answers to questions with a nonce', async () => {
  const { repoId, apiKey, sessionId } = await openRound(pool, { a: 5 });
  const nonce = 'n'.repeat(32);
  const library = { token: apiKey, headers: { 'library-id': 'a' } };
  const post = (path: string, body: object) => pool.json(path, { ...library, method: 'POST', body });
  const datasets = [{ datasetId: 'data', numExamples: 5 }];
  const answers = [
    await post('/v1/library/join', { datasets, nonce }),
    await post('/v1/library/heartbeat', { nonce }),
    await pool.json(`/v1/library/assignment?nonce=${nonce}`, library),
  ];
  for (const { body } of answers) {
    const signed = body.signed as Signed;
    expect([await isSigned('status', signed), signed.publicKey]).toEqual([true, key.publicKey]);
    const { assignment, ...said } = JSON.parse(signed.statement);
    expect(said).toEqual({
      repoId,
      libraryId: 'a',
      nonce,
      pollMs: body.pollMs,
      heartbeatMs: body.heartbeatMs,
    });
    const { shards: _, ...parameters } = body.assignment.parameters;
    expect(assignment).toEqual({ ...body.assignment, parameters });
    expect(assignment.sessionId).toBe(sessionId);
  }
  expect((await post('/v1/library/heartbeat', {})).body.signed).toBeUndefined();
  for (const wrong of ['short', 'n'.repeat(87), 'ü'.repeat(22)]) {
    expect((await post('/v1/library/heartbeat', { nonce: wrong })).body.error.code).toBe('invalid_request');
    const path = `/v1/library/assignment?nonce=${encodeURIComponent(wrong)}`;
    expect((await pool.json(path, library)).body.error.code).toBe('invalid_request');
  }
});

test('the signature of a manifest is the same at every gateway and for every reader', async () => {
  const { repoId, apiKey, sessionId } = await openRound(pool, { a: 5 });
  const library = { token: apiKey, headers: { 'library-id': 'a' } };
  const forLibraries = `/v1/library/sessions/${sessionId}/versions/0`;
  const forPeople = `/v1/repos/${repoId}/sessions/${sessionId}/versions/0`;
  const answers = [
    await pool.json(forLibraries, library),
    await other.json(forLibraries, library),
    await other.json(forPeople),
  ].map(({ body }) => body);
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  const { signed, ...manifest } = answers[0];
  const { shards: _, ...parameters } = manifest.parameters;
  expect(JSON.parse(signed.statement)).toEqual({ repoId, ...manifest, parameters });
  const stranger = await pool.repo();
  const theirs = await pool.json(forLibraries, { ...library, token: stranger.apiKey });
  expect(theirs.body.error.code).toBe('session_not_found');
});

test('a proof is for well-formed questions, and says nothing of what there is', async () => {
  const ask = (body: unknown) => pool.json('/v1/proof', { method: 'POST', token: '', body });
  const nonce = 'n'.repeat(22);
  const { status, body } = await ask({ repoId: 'no-such-repo', nonce });
  expect([status, JSON.parse(body.statement)]).toEqual([
    200,
    { repoId: 'no-such-repo', nonce, protocolVersion: 1 },
  ]);
  for (const wrong of [
    {},
    { repoId: 'r', nonce: 'n' },
    { repoId: 'r', nonce, more: 1 },
    { repoId: '{}', nonce },
  ]) {
    expect((await ask(wrong)).body.error.code).toBe('invalid_request');
  }
  expect((await ask({ repoId: 'r', nonce, more: 'm'.repeat(2_000) })).body.error.code).toBe(
    'payload_too_large',
  );
});
