import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MALLOC_ENV, NODE_FLAGS } from '../../src/cli/node-flags.js';
import { poolSize, type PoolSize } from '../../src/cli/pool-size.js';
import { signToken } from '../../src/cli/token.js';
import { startPrivateRedis } from '../../src/cli/private-redis.js';
import { ApiClient } from '../../src/protocol/client/request.js';
import type { Role as TokenRole } from '../../src/protocol/http.js';
import { freePorts, startNode, type LineProcess } from './process.js';
import { cpuSeconds, peakRssMiB } from './usage.js';

const BIN = fileURLToPath(new URL('../../../bin/cloud-node.mjs', import.meta.url));
const SECRET = 'a secret that only the benches know';
const TOKEN_MS = 12 * 3_600_000;

const ROLES = ['gateway', 'coordinator', 'aggregator', 'all-in-one', 'redis'] as const;
export type Role = (typeof ROLES)[number];

export interface BenchPool {
  readonly urls: readonly string[];
  readonly api: ApiClient;
  /** Of the processes that live now. */
  pids(role: Role): readonly number[];
  /** Kills it and waits until another one listens at its address. */
  killGateway(index: number): Promise<void>;
  token(role: TokenRole, repos?: readonly string[]): Promise<string>;
  /** A Repo, and a key for its Libraries. */
  repo(repoId: string): Promise<string>;
  usage(): Usage;
  close(): Promise<void>;
}

/** By role, where it has processes, over all of them: CPU time so far, and the peak of the largest one's resident memory. */
export interface Usage {
  readonly cpuSeconds: Figures;
  readonly peakRssMiB: Figures;
}
export type Figures = Readonly<Partial<Record<Role, number>>>;

/** As many processes as `cloud-node up` starts, but for evaluators: no bench scores versions unless it asks for one. */
export interface PoolOptions extends Partial<PoolSize> {
  readonly env?: Readonly<Record<string, string>>;
  /** A folder for V8 CPU profiles of all processes, written when they end. */
  readonly profileDir?: string | undefined;
  /** Arguments of `node` itself, for all processes. */
  readonly nodeArgs?: readonly string[];
  /** Is given what the processes write to stdout. */
  readonly onLine?: (line: string) => void;
}

/** A pool as it is deployed: real processes, and a Redis with its append-only file on. */
export async function startBenchPool(options: PoolOptions = {}): Promise<BenchPool> {
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-bench-'));
  const redis = await startPrivateRedis({ dir, appendOnly: true });
  const started: { role: Role | 'evaluator'; port: number; process: LineProcess }[] = [];
  const close = async (): Promise<void> => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await Promise.all(started.map(({ process }) => process.end()));
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  };
  // Redis is in a process group of its own: without this an interrupted bench would leave it.
  const interrupted = (): void => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const { profileDir } = options;
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const nodeArgs = [...NODE_FLAGS, ...profile, ...(options.nodeArgs ?? [])];
  const start = async (role: Role | 'evaluator', port = 0): Promise<void> => {
    const env = {
      ...MALLOC_ENV,
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
      onLine: options.onLine ?? (() => undefined),
      readyWhen: /"ready":true/,
    });
    started.push({ role, port, process: node });
  };
  const { allInOne, gateways, coordinators, aggregators, evaluators } = poolSize({
    evaluators: 0,
    ...options,
  });
  const ports = await freePorts(allInOne + gateways);
  const times = (count: number, role: Role | 'evaluator'): Promise<void>[] =>
    Array.from({ length: count }, () => start(role));
  try {
    await Promise.all([
      ...ports.map((port, i) => start(i < allInOne ? 'all-in-one' : 'gateway', port)),
      ...times(coordinators, 'coordinator'),
      ...times(aggregators, 'aggregator'),
      ...times(evaluators, 'evaluator'),
    ]);
  } catch (error) {
    await close();
    throw error;
  }
  const token = (role: TokenRole, repos: readonly string[] = []): Promise<string> =>
    signToken({ secret: SECRET, role, repos, subject: 'bench', expiresInMs: TOKEN_MS });
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const api = new ApiClient({
    urls,
    headers: async () => ({ authorization: `Bearer ${await token('admin')}` }),
  });
  const pidsOf = (role: Role): number[] =>
    role === 'redis'
      ? [redis.pid]
      : started.filter((one) => one.role === role).map(({ process: { child } }) => child.pid ?? 0);
  const byRole = (figure: (own: readonly number[]) => number): Figures =>
    Object.fromEntries(
      ROLES.map((role) => [role, pidsOf(role)] as const)
        .filter(([, own]) => own.length > 0)
        .map(([role, own]) => [role, figure(own)]),
    );
  return {
    urls,
    api,
    pids: pidsOf,
    killGateway: async (index) => {
      const at = started.findIndex((one) => one.port === ports[index]);
      const [victim] = started.splice(at, 1);
      if (victim === undefined) throw new RangeError(`There is no gateway ${index}.`);
      victim.process.kill('SIGKILL');
      await once(victim.process.child, 'exit');
      await start(victim.role, victim.port);
    },
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
