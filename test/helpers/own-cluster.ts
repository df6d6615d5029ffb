import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
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
  // Not as `spawnNode` does it, which kills what is left: its servers would stay. It ends with its stdin, thus with us.
  const child = spawn(process.execPath, ['scripts/redis-cluster.mjs', ...args, ...login], {
    env: { ...process.env, NODE_OPTIONS: undefined },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [
    unknown,
  ];
  if (typeof line !== 'string') throw new Error('The cluster did not start.');
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
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
