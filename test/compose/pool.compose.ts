import { describe, expect, test } from '@jest/globals';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { envSchema } from '../../src/config/env.js';
import type { PoolStatus } from '../../src/protocol/http.js';
import { eventually } from '../helpers/eventually.js';
import { startFederation, type Federation } from './federation.js';
import type { ServiceName } from './project.js';
import { useComposePool } from './use-project.js';

const SERVICES = ['redis', 'gateway', 'coordinator', 'aggregator', 'evaluator', 'proxy'] as const;
const pool = await useComposePool({ gateway: 3, aggregator: 1 });

/** In the middle of a round: the quick half was counted, the other half waits. Then `what`, then the round may end. */
async function during(federation: Federation, what: () => Promise<void>): Promise<void> {
  const { session, libraries, held, brake } = federation;
  const quick = Object.keys(libraries).length - held;
  let version = NaN;
  await eventually(
    async () => {
      const view = await session.get();
      version = view.version;
      return view.received === quick;
    },
    { withinMs: 60_000, everyMs: 100 },
  );
  await what();
  brake.release();
  // Sooner than the round would end: the held ones keep their assignments, however long the pool was away.
  await eventually(async () => (await session.get()).version > version, {
    withinMs: 60_000,
    everyMs: 100,
  });
}

const crashOne = async (service: ServiceName): Promise<void> => {
  const [victim] = await pool.containers(service);
  if (!victim) throw new Error(`No ${service} runs.`);
  await pool.crash(victim);
};

const aggregators = async ({ api }: Federation): Promise<number> => {
  const { nodes } = await api.json<PoolStatus>({ path: '/v1/pool' });
  return nodes.filter((node) => node.role === 'aggregator').length;
};

describe('docker-compose.yml on an engine', () => {
  test('every service is there and healthy, as often as it was asked for', async () => {
    const names = (await pool.containers()).map((one) => one.service).sort();
    const expected = [...SERVICES, 'gateway', 'gateway'].sort();
    expect(names).toEqual(expected);
  });

  test.each(SERVICES)(
    '%s has no rights, no way to write but /tmp and its data, and bounds',
    async (service) => {
      const [container] = await pool.containers(service);
      if (!container) throw new Error(`No ${service} runs.`);
      expect(container.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(container.memoryBytes).toBeGreaterThan(0);
      expect(container.pidsLimit).toBe(256);
      const [uid = '', gid = ''] = container.user.split(':');
      const { output } = await pool.exec(container, 'cat', '/proc/1/status');
      const status = Object.fromEntries(output.split('\n').map((line) => line.split(':\t')));
      expect(status).toMatchObject({
        Uid: [uid, uid, uid, uid].join('\t'),
        Gid: [gid, gid, gid, gid].join('\t'),
        CapEff: '0'.repeat(16),
        CapBnd: '0'.repeat(16),
        NoNewPrivs: '1',
      });
      // Root would be refused too: the file system is read-only, and not only its owner somebody else.
      for (const folder of ['/', '/etc', '/usr/local/bin', '/var/lib', '/home']) {
        const { code, output: refusal } = await pool.exec(container, 'touch', `${folder}/probe`);
        expect({ folder, code }).toEqual({ folder, code: 1 });
        expect(refusal).toContain('Read-only file system');
      }
      expect(await pool.exec(container, 'touch', '/tmp/probe')).toEqual({ code: 0, output: '' });
    },
  );

  test('only the proxy is reached from outside, and it does not see Redis', async () => {
    const publishing = (await pool.containers()).filter((one) => one.publishes).map((one) => one.service);
    expect(publishing).toEqual(['proxy']);
    const [proxy] = await pool.containers('proxy');
    if (!proxy) throw new Error('No proxy runs.');
    // 6: the name is not known there.
    expect(await pool.exec(proxy, 'curl', '-sS', 'http://redis:6379')).toMatchObject({ code: 6 });
    expect((await fetch(`${pool.url}/metrics`)).status).toBe(404);
  });

  test('Redis asks for its password, keeps everything and evicts nothing', async () => {
    const [redis] = await pool.containers('redis');
    if (!redis) throw new Error('No Redis runs.');
    const unset = await pool.exec(redis, 'env', '-u', 'REDISCLI_AUTH', 'redis-cli', 'ping');
    expect(unset.output).toContain('NOAUTH');
    const { output } = await pool.exec(redis, 'redis-cli', 'CONFIG', 'GET', 'append*');
    expect(output).toMatch(/appendonly\nyes\n/);
    expect(output).toMatch(/appendfsync\neverysec\n/);
    const policy = await pool.exec(redis, 'redis-cli', 'CONFIG', 'GET', 'maxmemory-policy');
    expect(policy.output).toContain('noeviction');
  });

  test.each(['/', '/docs'])(
    'the page at %s comes out of the image, with everything that it names',
    async (path) => {
      const page = await fetch(new URL(path, pool.url));
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      const assets = [...(await page.text()).matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(
        ([, name]) => name,
      );
      expect(assets.length).toBeGreaterThanOrEqual(2);
      for (const asset of assets) {
        const answer = await fetch(new URL(asset ?? '', `${pool.url}/`));
        expect({ asset, status: answer.status }).toEqual({ asset, status: 200 });
        expect(answer.headers.get('content-type')).toMatch(
          asset?.endsWith('.css') ? /^text\/css/ : /javascript/,
        );
      }
    },
  );

  test('the command in a gateway administers the pool', async () => {
    const [gateway] = await pool.containers('gateway');
    if (!gateway) throw new Error('No gateway runs.');
    const { code, output } = await pool.exec(gateway, 'node', 'bin/cloud-node.mjs', 'status', '--json');
    expect(code).toBe(0);
    const { nodes } = JSON.parse(output) as PoolStatus;
    expect(nodes.filter((node) => node.role === 'gateway')).toHaveLength(3);
  });
});

describe('a session through the published port', () => {
  test('comes to the same bytes, whatever is scaled and killed while it runs', async () => {
    const rounds = 9;
    const { url, secret } = pool;
    const federation = await startFederation({ url, secret, rounds });
    const { session, weights, libraries, explora } = federation;
    const crashes = ['gateway', 'aggregator', 'coordinator', 'redis', 'proxy'] as const;
    try {
      await during(federation, async () => {
        await pool.up({ gateway: 3, aggregator: 4 });
        await eventually(async () => (await aggregators(federation)) === 4, {
          withinMs: 30_000,
          everyMs: 200,
        });
      });
      for (const service of crashes) {
        await during(federation, () => crashOne(service));
        await eventually(
          async () =>
            (await pool.containers(service)).some((one) => one.restarts > 0 && one.health === 'healthy'),
          { withinMs: 90_000, everyMs: 250 },
        );
      }
      await during(federation, async () => {
        await pool.up({ gateway: 3, aggregator: 1 });
        expect(await pool.containers('aggregator')).toHaveLength(1);
      });
      await during(federation, async () => pool.up({ gateway: 1, aggregator: 1 }));
      await during(federation, async () => {
        await pool.down({ volumes: false });
        expect(await pool.containers()).toEqual([]);
        await pool.up({ gateway: 1, aggregator: 1 });
      });

      const view = await session.result();
      expect(view.history.map(({ updates }) => updates)).toEqual(
        Array.from({ length: rounds }, () => Object.keys(libraries).length),
      );
      const shardParams = envSchema.shape.SHARD_PARAMS.parse(undefined);
      const expected = await expectedSha256({ weights, libraries, rounds, shardParams });
      expect(view.history.at(-1)?.sha256).toBe(expected);
      const { record } = await explora.downloadModel(view.resultModelId ?? '');
      expect(record.parameters.sha256).toBe(expected);
    } finally {
      await federation.close();
    }
  }, 900_000);
});
