import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach } from '@jest/globals';
import { SignJWT } from 'jose';
import { startPrivateRedis } from '../../src/cli/private-redis.js';
import { Explora } from '../../src/explora/index.js';
import { Library } from '../../src/library/index.js';
import { uniqueId } from './namespace.js';
import { spawnNode, type NodeProcess } from './processes.js';
import { connectTo, defaultServer, onCluster, removeKeys, serverEnv, type TestServer } from './servers.js';
import { DeterministicTrainer, seedOf, type DeterministicTrainerOptions } from '../../bench/lib/trainer.js';

export type Role = 'gateway' | 'coordinator' | 'aggregator' | 'evaluator' | 'all-in-one';

export interface PoolNode extends NodeProcess {
  readonly role: Role;
  /** Of a gateway, or of what is one too. */
  readonly url: string;
}

export interface PoolOptions {
  readonly roles?: Partial<Record<Role, number>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A plain Redis of the test's own. */
  readonly redisUrl?: string;
  /** Default: a private Redis with an append-only file; the suite's cluster when that is the default server. */
  readonly server?: TestServer;
}

export interface TestPool {
  readonly server: TestServer;
  readonly prefix: string;
  readonly nodes: PoolNode[];
  readonly gateways: readonly PoolNode[];
  add(role: Role, port?: number): Promise<PoolNode>;
  /** Another process in the place of one that died; a gateway at the same address. */
  replace(node: PoolNode): Promise<PoolNode>;
  of(role: Role): PoolNode[];
  token(role: string, repos?: readonly string[]): Promise<string>;
  fetch(path: string, options?: RequestInit & { token?: string; gateway?: PoolNode }): Promise<Response>;
  /** A Repo with an API key. */
  repo(repoId?: string): Promise<{ repoId: string; apiKey: string; explora: Explora }>;
  library(options: LibrarySetup): Library;
}

export interface LibrarySetup extends Omit<DeterministicTrainerOptions, 'seed'> {
  readonly apiKey: string;
  readonly libraryId: string;
  readonly seed?: number;
  readonly urls?: readonly string[];
}

export const POOL_SECRET = 'a secret that only tests know, 32+ characters';
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serverFor({ redisUrl, server }: PoolOptions, prefix: string): Promise<TestServer> {
  if (redisUrl !== undefined) return { url: redisUrl, cluster: false };
  if (server !== undefined) return server;
  if (onCluster) {
    // Shared by all tests: when the pool is gone, so are its keys.
    open.push(async () => {
      const redis = await connectTo(defaultServer());
      await removeKeys(redis, prefix).finally(() => redis.quit());
    });
    return defaultServer();
  }
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-pool-'));
  open.push(() => rm(dir, { recursive: true, force: true }));
  const own = await startPrivateRedis({ dir, appendOnly: true });
  open.push(() => own.stop());
  return { url: own.url, cluster: false };
}

/** A whole pool of real processes over a real Redis; gone after the test. */
export async function startPool(options: PoolOptions = {}): Promise<TestPool> {
  const prefix = uniqueId('p');
  const server = await serverFor(options, prefix);
  const env = {
    ...serverEnv(server),
    REDIS_PREFIX: prefix,
    AUTH_SECRET: POOL_SECRET,
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    DRAIN_MS: '3000',
    SWEEP_MS: '100',
    ...options.env,
  };
  const nodes: PoolNode[] = [];
  const processes: NodeProcess[] = [];
  open.push(async () => void (await Promise.all(processes.map((process) => process.stop()))));
  const libraries: Library[] = [];
  open.push(async () => void (await Promise.all(libraries.map((library) => library.leave()))));

  const pool: TestPool = {
    server,
    prefix,
    nodes,
    get gateways() {
      return [...pool.of('gateway'), ...pool.of('all-in-one')];
    },
    of: (role) =>
      nodes.filter(
        (node) => node.role === role && node.child.exitCode === null && node.child.signalCode === null,
      ),
    replace: (node) => pool.add(node.role, node.url === '' ? 0 : Number(new URL(node.url).port)),
    add: async (role, port = 0) => {
      const process = spawnNode(['bin/cloud-node.mjs', role], { env: { ...env, PORT: String(port) } });
      processes.push(process);
      const ready = JSON.parse(await process.waitForLine(/"ready":true/, 20_000)) as { url?: string };
      const node = { ...process, role, url: ready.url ?? '' };
      nodes.push(node);
      return node;
    },
    token: (role, repos = []) =>
      new SignJWT({ role, repos })
        .setSubject('test')
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(POOL_SECRET)),
    fetch: async (route, { token, gateway, headers, ...rest } = {}) =>
      fetch(`${(gateway ?? pool.gateways[0])?.url ?? ''}${route}`, {
        ...rest,
        headers: {
          authorization: `Bearer ${token ?? (await pool.token('admin'))}`,
          'content-type': 'application/json',
          ...headers,
        },
      }),
    repo: async (repoId = uniqueId('repo')) => {
      await pool.fetch('/v1/repos', { method: 'POST', body: JSON.stringify({ repoId }) });
      const answer = await pool.fetch(`/v1/repos/${repoId}/keys`, { method: 'POST', body: '{}' });
      const { apiKey } = (await answer.json()) as { apiKey: string };
      const url = pool.gateways.map((gateway) => gateway.url);
      return {
        repoId,
        apiKey,
        explora: new Explora({ url, repoId, token: await pool.token('explora', [repoId]) }),
      };
    },
    library: ({ apiKey, libraryId, urls, seed, ...training }) => {
      const trainer = new DeterministicTrainer({ seed: seed ?? seedOf(libraryId), ...training });
      const url = urls ?? pool.gateways.map((gateway) => gateway.url);
      const library = new Library({
        url,
        apiKey,
        libraryId,
        trainer,
        backoff: { baseMs: 100, maxMs: 1_000 },
      });
      // What a trainer of its own is given; how much there is is what the pool is told.
      const inputs = new Float32Array(training.numExamples);
      library.addData('data', { inputs, inputShape: [1], labels: inputs, labelShape: [1] });
      libraries.push(library);
      return library;
    },
  };
  const counts = { gateway: 1, coordinator: 1, aggregator: 1, ...options.roles };
  const roles = (Object.keys(counts) as Role[]).flatMap((role) => Array<Role>(counts[role] ?? 0).fill(role));
  await Promise.all(roles.map((role) => pool.add(role)));
  return pool;
}
