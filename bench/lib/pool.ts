import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { NODE_FLAGS } from '../../src/cli/node-flags.js';
import { startPrivateRedis } from '../../src/cli/private-redis.js';
import { ApiClient } from '../../src/protocol/client/request.js';
import { freePorts, startNode, type LineProcess } from './process.js';
import { cpuSeconds, peakRssMiB } from './usage.js';

const BIN = fileURLToPath(new URL('../../../bin/cloud-node.mjs', import.meta.url));
const SECRET = 'a secret that only the benches know';

export type Role = 'gateway' | 'coordinator' | 'aggregator' | 'redis';

export interface BenchPool {
  readonly urls: readonly string[];
  readonly api: ApiClient;
  readonly pids: Readonly<Record<Role, readonly number[]>>;
  readonly gateways: readonly LineProcess[];
  token(role: string): Promise<string>;
  /** A Repo, and a key for its Libraries. */
  repo(repoId: string): Promise<string>;
  usage(): Usage;
  close(): Promise<void>;
}

/** By role, over all its processes: CPU time so far, and the peak of the largest one's resident memory. */
export interface Usage {
  readonly cpuSeconds: Record<Role, number>;
  readonly peakRssMiB: Record<Role, number>;
}

export interface PoolOptions {
  readonly gateways?: number;
  readonly coordinators?: number;
  readonly aggregators?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A folder for V8 CPU profiles of all processes, written when they end. */
  readonly profileDir?: string | undefined;
}

/** A pool as it is deployed: real processes, and a Redis with its append-only file on. */
export async function startBenchPool(options: PoolOptions = {}): Promise<BenchPool> {
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-bench-'));
  const redis = await startPrivateRedis({ dir, appendOnly: true });
  const started: { role: Role; process: LineProcess }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(started.map(({ process }) => process.end()));
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  };
  const { profileDir } = options;
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const nodeArgs = [...NODE_FLAGS, ...profile];
  const start = async (role: Role, port = 0): Promise<void> => {
    const env = {
      ...process.env,
      REDIS_URL: redis.url,
      AUTH_SECRET: SECRET,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'error',
      ...options.env,
    };
    const node = await startNode([...nodeArgs, BIN, role], {
      env,
      onLine: () => undefined,
      readyWhen: /"ready":true/,
    });
    started.push({ role, process: node });
  };
  const ports = await freePorts(options.gateways ?? 1);
  const times = (count: number, role: Role): Promise<void>[] =>
    Array.from({ length: count }, () => start(role));
  try {
    await Promise.all([
      ...ports.map((port) => start('gateway', port)),
      ...times(options.coordinators ?? 1, 'coordinator'),
      ...times(options.aggregators ?? 1, 'aggregator'),
    ]);
  } catch (error) {
    await close();
    throw error;
  }
  const token = (role: string): Promise<string> =>
    new SignJWT({ role, repos: [] })
      .setSubject('bench')
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('12h')
      .sign(new TextEncoder().encode(SECRET));
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const api = new ApiClient({
    urls,
    headers: async () => ({ authorization: `Bearer ${await token('admin')}` }),
  });
  const of = (role: Role): LineProcess[] =>
    started.filter((one) => one.role === role).map((one) => one.process);
  const pidsOf = (role: Role): number[] => of(role).map(({ child }) => child.pid ?? 0);
  const pids: Record<Role, number[]> = {
    gateway: pidsOf('gateway'),
    coordinator: pidsOf('coordinator'),
    aggregator: pidsOf('aggregator'),
    redis: [redis.pid],
  };
  const byRole = (figure: (own: readonly number[]) => number): Record<Role, number> => ({
    gateway: figure(pids.gateway),
    coordinator: figure(pids.coordinator),
    aggregator: figure(pids.aggregator),
    redis: figure(pids.redis),
  });
  return {
    urls,
    api,
    pids,
    gateways: of('gateway'),
    token,
    repo: async (repoId) => {
      await api.json({ path: '/v1/repos', method: 'POST', json: { repoId } });
      const request = { path: `/v1/repos/${repoId}/keys`, method: 'POST', json: {} } as const;
      return (await api.json<{ apiKey: string }>(request)).apiKey;
    },
    usage: () => ({
      cpuSeconds: byRole((own) => own.reduce((sum, pid) => sum + cpuSeconds(pid), 0)),
      peakRssMiB: byRole((own) => Math.max(...own.map(peakRssMiB))),
    }),
    close,
  };
}
