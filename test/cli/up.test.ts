import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { freePorts } from '../../bench/lib/process.js';
import { describeSize, poolSize } from '../../src/cli/pool-size.js';
import { signToken } from '../../src/cli/token.js';
import { eventually } from '../helpers/eventually.js';
import { spawnNode } from '../helpers/processes.js';

const SECRET = 'a secret that only this test knows, 32+';

describe('cloud-node up --all-in-one', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'cn-up-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('is one process that is all of the pool, and started again when it dies', async () => {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const up = spawnNode(
      ['bin/cloud-node.mjs', 'up', '--all-in-one', '--port', String(port), '--data-dir', dataDir, '--json'],
      { env: { REDIS_URL: '', AUTH_SECRET: SECRET } },
    );
    const ready = JSON.parse(await up.waitForLine(/"ready":true/, 60_000)) as {
      urls: string[];
      processes: { name: string; pid: number }[];
    };
    expect(ready.urls).toEqual([url]);
    expect(ready.processes.map(({ name }) => name)).toEqual(['all-in-one-1']);
    const [{ pid } = { pid: 0 }] = ready.processes;

    const token = await signToken({
      ...{ secret: SECRET, role: 'admin', repos: ['*'] },
      ...{ subject: 'test', expiresInMs: 60_000 },
    } as const);
    const rolesAndPids = async (): Promise<[string, number][]> => {
      const answer = await fetch(`${url}/v1/pool`, { headers: { authorization: `Bearer ${token}` } });
      const { nodes } = (await answer.json()) as { nodes: { role: string; pid: number; slots: number }[] };
      return nodes.map((node): [string, number] => [node.role, node.pid]).sort();
    };
    const all = ['aggregator', 'coordinator', 'evaluator', 'gateway'];
    await eventually(async () => (await rolesAndPids()).length === all.length);
    expect(await rolesAndPids()).toEqual(all.map((role) => [role, pid]));

    process.kill(pid, 'SIGKILL');
    await eventually(async () => (await rolesAndPids().catch(() => [])).some(([, other]) => other !== pid), {
      withinMs: 20_000,
    });
    expect(await up.stop(20_000)).toBe('SIGTERM');
  }, 90_000);
});

describe('how many processes', () => {
  it('is one of each, or only those that are all of them, unless it is said', () => {
    const one = { gateways: 1, coordinators: 1, aggregators: 1, evaluators: 1, allInOne: 0 };
    expect(poolSize({})).toEqual(one);
    expect(poolSize({ gateways: 3, evaluators: 0 })).toEqual({ ...one, gateways: 3, evaluators: 0 });
    const none = { gateways: 0, coordinators: 0, aggregators: 0, evaluators: 0 };
    expect(poolSize({ allInOne: 2 })).toEqual({ ...none, allInOne: 2 });
    expect(poolSize({ allInOne: 1, aggregators: 2 })).toEqual({ ...none, aggregators: 2, allInOne: 1 });
  });

  test.each(['gateways', 'coordinators', 'aggregators'])('may not be no %s', (role) => {
    expect(() => poolSize({ [role]: 0 })).toThrow(`A pool without ${role} does nothing.`);
    expect(() => poolSize({ [role]: 0, allInOne: 1 })).not.toThrow();
  });

  it('is said in words', () => {
    expect(describeSize(poolSize({ gateways: 2, evaluators: 0 }))).toBe(
      '2 gateways, 1 coordinator, 1 aggregator, 0 evaluators',
    );
    expect(describeSize(poolSize({ allInOne: 1 }))).toBe('1 all-in-one process');
    expect(describeSize(poolSize({ allInOne: 2, aggregators: 1 }))).toBe(
      '2 all-in-one processes, 1 aggregator',
    );
  });
});
