import { Redis } from 'ioredis';
import { spawnNode } from './processes.js';
import type { TestServer } from './servers.js';

export interface ClusterNode {
  readonly port: number;
  readonly pid: number;
  readonly id: string;
  readonly role: 'master' | 'replica';
  /** Of a replica: the index of its master. */
  readonly master: number | null;
}

export interface OwnCluster extends TestServer {
  readonly nodes: readonly ClusterNode[];
  /** Asks one node something and forgets it. */
  ask<T>(node: ClusterNode, fn: (redis: Redis) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export interface OwnClusterOptions {
  /** Of each master. Default 0. */
  readonly replicas?: number;
  /** How long a node may be silent before the others replace it. Default 2 s. */
  readonly nodeTimeoutMs?: number;
  readonly password?: string;
}

/** A cluster of three masters that a test may break: the same that the suite has. */
export async function startCluster(options: OwnClusterOptions = {}): Promise<OwnCluster> {
  const { replicas = 0, nodeTimeoutMs = 2_000, password } = options;
  const args = ['--replicas', String(replicas), '--node-timeout-ms', String(nodeTimeoutMs)];
  const login = password === undefined ? [] : ['--password', password];
  const process = spawnNode(['scripts/redis-cluster.mjs', ...args, ...login], { stdin: 'pipe' });
  const line = await process.waitForLine(/^\{/, 60_000);
  const { url, nodes } = JSON.parse(line) as { url: string; nodes: ClusterNode[] };
  return {
    url,
    cluster: true,
    nodes,
    ask: async (node, fn) => {
      const redis = new Redis({ port: node.port, ...(password === undefined ? {} : { password }) });
      redis.on('error', () => {
        // The command that was asked fails with it.
      });
      return fn(redis).finally(() => redis.disconnect());
    },
    stop: async () => void (await process.stop()),
  };
}
