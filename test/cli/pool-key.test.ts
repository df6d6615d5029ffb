import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  createPoolKey,
  givenPoolKey,
  poolKeyEnv,
  poolKeyFiles,
  readPoolKey,
  readSuccessors,
  rotatePoolKey,
} from '../../src/cli/pool-key-files.js';
import { parseEnv } from '../../src/config/env.js';
import { parsePoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { PoolSigner } from '../../src/gateway/identity/pool-signer.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'cn-pool-key-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a data folder gets one key, for its owner only, and keeps it', () => {
  const { env, publicKey } = poolKeyEnv(dir);
  expect(publicKey).toMatch(/^[\w-]{43}$/);
  expect(poolKeyEnv(dir)).toEqual({ env, publicKey });
  expect(statSync(env['POOL_KEY_FILE'] ?? '').mode & 0o777).toBe(0o600);
  expect(PoolSigner.from(parseEnv(env))?.publicKey).toBe(publicKey);
  // The same settings after a rotation: of a gateway that a supervisor starts again.
  const { key } = rotatePoolKey(poolKeyFiles(dir), 0);
  expect(PoolSigner.from(parseEnv(env))?.proof({ repoId: 'r', nonce: 'n' })).toMatchObject({
    publicKey: key.publicKey,
    successors: [{ publicKey }],
  });
  expect(() => createPoolKey(poolKeyFiles(dir))).toThrow('is there already');
  expect([givenPoolKey(env)?.publicKey, givenPoolKey({})]).toEqual([key.publicKey, null]);
});

test('a rotated key is handed over to by the one before, and gateways take either with the chain', () => {
  const files = poolKeyFiles(dir);
  const first = createPoolKey(files);
  const rotated = rotatePoolKey(files, 1_000);
  const again = rotatePoolKey(files, 2_000);
  expect([rotated.old.publicKey, again.old.publicKey]).toEqual([first.publicKey, rotated.key.publicKey]);
  expect(readPoolKey(files).publicKey).toBe(again.key.publicKey);
  expect(readFileSync(rotated.oldFile, 'utf8')).toBe(poolKeyPem(first));
  expect(readSuccessors(files).map(({ statement }) => JSON.parse(statement) as unknown)).toEqual([
    { publicKey: rotated.key.publicKey, notBeforeMs: 1_000 },
    { publicKey: again.key.publicKey, notBeforeMs: 2_000 },
  ]);
  for (const keyFile of [rotated.oldFile, again.oldFile, files.keyFile]) {
    const env = { POOL_KEY_FILE: keyFile, POOL_SUCCESSORS_FILE: files.successorsFile };
    expect(PoolSigner.from(parseEnv(env))).not.toBeNull();
  }
  expect(() => rotatePoolKey({ ...files, keyFile: rotated.oldFile }, 0)).toThrow('not the last key');
});

test('what is wrong with a key or a chain is said by the name of the variable, and without the key', () => {
  const files = poolKeyFiles(dir);
  createPoolKey(files);
  rotatePoolKey(files, 1);
  const POOL_KEY = readFileSync(files.keyFile, 'utf8');
  const chain = readFileSync(files.successorsFile, 'utf8');
  const from = (env: Parameters<typeof PoolSigner.from>[0]) => () => PoolSigner.from(env);
  expect(from({ POOL_KEY: 'c2VjcmV0' })).toThrow(
    /^POOL_KEY: use an Ed25519 private key[^:]*: PEM, or 32 bytes/,
  );
  expect(from({ POOL_KEY: '-----BEGIN PRIVATE KEY-----\nabc' })).toThrow(/^POOL_KEY/);
  expect(from({ POOL_KEY, POOL_SUCCESSORS: '[{}]' })).toThrow(/^POOL_SUCCESSORS: use the JSON/);
  expect(from({ POOL_KEY, POOL_SUCCESSORS: chain.replace('notBeforeMs\\":1', 'notBeforeMs\\":0') })).toThrow(
    'POOL_SUCCESSORS: link 0 has a wrong signature',
  );
  const link = JSON.parse(chain) as unknown[];
  expect(from({ POOL_KEY, POOL_SUCCESSORS: JSON.stringify([...link, ...link]) })).toThrow(
    'link 1 is not signed by the key that link 0 hands over to',
  );
  const stranger = '0'.repeat(43) + '=';
  expect(from({ POOL_KEY: stranger, POOL_SUCCESSORS: chain })).toThrow('the key of POOL_KEY is not in it');
});

test('a key as PEM and as its 32 bytes in base64 is the same', () => {
  const key = createPoolKey(poolKeyFiles(dir));
  const { d = '' } = key.privateKey.export({ format: 'jwk' });
  const base64 = Buffer.from(d, 'base64url').toString('base64');
  expect(parsePoolKey(base64).publicKey).toBe(key.publicKey);
  expect(parsePoolKey(d).publicKey).toBe(key.publicKey);
});
