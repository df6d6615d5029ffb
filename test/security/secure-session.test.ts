import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { createAuthority, type Certificate } from '../helpers/certificates.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { spawnNode, type NodeProcess } from '../helpers/processes.js';
import { startManInTheMiddle } from './man-in-the-middle.js';

const key = newPoolKey();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'cn-secure-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (name: string, text: string): string => {
  const file = path.join(dir, name);
  writeFileSync(file, text);
  return file;
};

/** What the process said that has these fields. */
function said(process: NodeProcess, field: string): Record<string, unknown>[] {
  const lines = process.lines.filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => field in line);
}

/** The certificate that a new connection is shown. */
function shown(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.end();
    }).once('error', reject);
  });
}

test('a session over TLS with a pinned key comes to its bytes while the certificate is replaced', async () => {
  const authority = createAuthority();
  const install = ({ cert, key: privateKey }: Certificate): void => {
    put('tls.pem', cert);
    put('tls.key', privateKey);
  };
  const first = authority.issue('gateway');
  install(first);
  const pool = await startPool({
    env: {
      SHARD_PARAMS: '500',
      POOL_KEY_FILE: put('pool-key.pem', poolKeyPem(key)),
      TLS_CERT_FILE: path.join(dir, 'tls.pem'),
      TLS_KEY_FILE: path.join(dir, 'tls.key'),
      LOG_LEVEL: 'info',
    },
  });
  const [gateway] = pool.gateways;
  const url = gateway?.url ?? '';
  expect(url).toMatch(/^https:/);

  const trust = { NODE_EXTRA_CA_CERTS: put('ca.pem', authority.cert) };
  const cli = async (...args: string[]): Promise<string> => {
    const env = { ...trust, CLOUD_NODE_URL: url, CLOUD_NODE_TOKEN: await pool.token('admin') };
    const command = spawnNode(['bin/cloud-node.mjs', ...args], { env });
    expect([await command.ended, command.lines.join('\n')]).toEqual([0, expect.any(String)]);
    return command.lines[0] ?? '';
  };
  await cli('repo', 'create', 'clinics', '--json');
  const { apiKey } = JSON.parse(await cli('key', 'create', 'clinics', '--json')) as { apiKey: string };

  const env = { ...trust, API_KEY: apiKey, TOKEN: await pool.token('explora', ['clinics']) };
  const names = ['ada', 'ben', 'cyd'];
  const script = ['test/security/participants.mjs', url, 'clinics', key.publicKey, '6', names.join(',')];
  const participants = spawnNode(script, { env });
  await participants.waitForLine(/"round":2/, 30_000);
  expect(await shown(url, authority.cert)).toBe(first.cert);
  const second = authority.issue('gateway');
  install(second);
  gateway?.child.kill('SIGHUP');
  await eventually(async () => (await shown(url, authority.cert)) === second.cert);
  const beforeLast = said(participants, 'round').length < names.length * 6;

  expect(await participants.ended).toBe(0);
  const expected = await expectedSha256({
    weights: denseModel(20, 30).weights,
    libraries: Object.fromEntries(names.map((name) => [name, 10])),
    rounds: 6,
    shardParams: 500,
  });
  expect([beforeLast, said(participants, 'ended')]).toEqual([
    true,
    [{ ended: 'completed', version: 6, sha256: expected, signed: expected }],
  ]);
  // Nobody lost a connection, and nothing was refused.
  const connecting = said(participants, 'state').filter(({ state }) => state === 'connecting');
  expect([connecting.length, said(participants, 'code')]).toEqual([names.length, []]);
  expect(gateway?.lines.some((line) => line.includes('certificate renewed'))).toBe(true);
}, 60_000);

test('the manifest of an earlier version, passed off as that of the next, is refused before any training', async () => {
  const pool = await startPool({ env: { POOL_KEY: poolKeyPem(key) } });
  const { repoId, apiKey } = await pool.repo();
  const middle = await startManInTheMiddle(pool.gateways[0]?.url ?? '');
  let first: Buffer | null = null;
  middle.answer = (asked, body, status) => {
    if (!asked.startsWith('/v1/library/') || !/\/versions\/\d+$/.test(asked) || status !== 200) return body;
    first ??= body;
    return first;
  };
  const env = { API_KEY: apiKey, TOKEN: await pool.token('explora', [repoId]) };
  const script = ['test/security/participants.mjs', middle.url, repoId, key.publicKey, '2', 'ada'];
  const participants = spawnNode(script, { env });
  await participants.waitForLine(/"code"/, 30_000);
  expect(said(participants, 'code')).toEqual([
    { libraryId: 'ada', code: 'pool_replayed', message: expect.stringContaining('of version 0') as unknown },
  ]);
  expect(said(participants, 'outcome')).toEqual([
    { libraryId: 'ada', round: 1, outcome: 'counted', trained: 1 },
    { libraryId: 'ada', round: 2, outcome: 'failed', trained: 1 },
  ]);
  await participants.stop();
}, 60_000);
