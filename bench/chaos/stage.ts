import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { startPrivateRedis, type PrivateRedis } from '../../src/cli/private-redis.js';
import { freePorts, startNode, type LineProcess } from '../lib/process.js';
import { startTcpProxy, type TcpProxy } from '../lib/tcp-proxy.js';

const BIN = fileURLToPath(new URL('../../../bin/cloud-node.mjs', import.meta.url));
const HOST = fileURLToPath(new URL('./library-host.js', import.meta.url));
const SECRET = 'a secret that only the chaos harness knows';

/** A place in the cast: what plays it may die and be replaced. */
export interface Part {
  readonly role: 'gateway' | 'coordinator' | 'aggregator' | 'libraries' | 'redis';
  readonly name: string;
  /** Between it and what it talks to: Redis, or (Libraries) a gateway. */
  readonly link: TcpProxy | null;
  readonly alive: boolean;
  start(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  end(): Promise<void>;
}

export interface StageOptions {
  readonly gateways: number;
  readonly coordinators: number;
  readonly aggregators: number;
}

export interface Stage {
  readonly parts: Part[];
  readonly urls: readonly string[];
  token(role: string): Promise<string>;
  addLibraries(options: {
    apiKey: string;
    libraries: Readonly<Record<string, number>>;
    trainMs: number;
    startAtFirst?: boolean;
    sayStates?: boolean;
    onLine: (line: string) => void;
  }): Promise<void>;
  close(): Promise<void>;
}

/** A pool whose every process, and every connection to Redis, can be broken and mended from outside. */
export async function setStage(options: StageOptions): Promise<Stage> {
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-chaos-'));
  const [redisPort = 0, ...gatewayPorts] = await freePorts(1 + options.gateways);
  const parts: Part[] = [];
  const proxies: TcpProxy[] = [];
  const redis = redisPart({ dir, port: redisPort });
  await redis.start();
  parts.push(redis);

  const addRole = async (
    role: 'gateway' | 'coordinator' | 'aggregator',
    { n, port = 0 }: { n: number; port?: number },
  ): Promise<void> => {
    const link = await startTcpProxy({ port: redisPort });
    proxies.push(link);
    const env = {
      ...process.env,
      REDIS_URL: `redis://127.0.0.1:${link.port}`,
      AUTH_SECRET: SECRET,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'error',
      SHARD_PARAMS: '500',
      DRAIN_MS: '3000',
      SWEEP_MS: '200',
      LEASE_MS: '120000',
    };
    const name = `${role}-${n}`;
    const part = processPart({ role, name, link }, () =>
      startNode([BIN, role], { env, onLine: () => undefined, readyWhen: /"ready":true/ }),
    );
    parts.push(part);
    await part.start();
  };
  const starting = [
    ...gatewayPorts.map((port, n) => addRole('gateway', { n, port })),
    ...Array.from({ length: options.coordinators }, (_, n) => addRole('coordinator', { n })),
    ...Array.from({ length: options.aggregators }, (_, n) => addRole('aggregator', { n })),
  ];
  const close = async (): Promise<void> => {
    for (const role of ['libraries', 'gateway', 'aggregator', 'coordinator', 'redis']) {
      await Promise.all(parts.filter((part) => part.role === role).map((part) => part.end()));
    }
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await rm(dir, { recursive: true, force: true });
  };
  const started = await Promise.allSettled(starting);
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  const doors = await Promise.all(gatewayPorts.map((port) => startTcpProxy({ port })));
  proxies.push(...doors);
  const urls = doors.map((door) => `http://127.0.0.1:${door.port}`);

  return {
    parts,
    urls: gatewayPorts.map((port) => `http://127.0.0.1:${port}`),
    token: (role) =>
      new SignJWT({ role, repos: ['chaos'] })
        .setSubject('chaos')
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('12h')
        .sign(new TextEncoder().encode(SECRET)),
    addLibraries: async ({ onLine, ...host }) => {
      const count = parts.filter((part) => part.role === 'libraries').length;
      const link = doors[count % doors.length] ?? null;
      const start = (): Promise<LineProcess> =>
        startNode([HOST, JSON.stringify({ ...host, urls })], {
          env: process.env,
          onLine,
          readyWhen: /"ready":true/,
        });
      const part = processPart({ role: 'libraries', name: `libraries-${count + 1}`, link }, start);
      await part.start();
      parts.push(part);
    },
    close,
  };
}

function processPart(what: Pick<Part, 'role' | 'name' | 'link'>, spawn: () => Promise<LineProcess>): Part {
  let current: LineProcess | null = null;
  return {
    ...what,
    get alive() {
      return current?.alive ?? false;
    },
    start: async () => {
      current = await spawn();
    },
    kill: (signal) => current?.kill(signal),
    end: async () => current?.end(),
  };
}

function redisPart({ dir, port }: { dir: string; port: number }): Part {
  let current: PrivateRedis | null = null;
  let alive = false;
  return {
    role: 'redis',
    name: 'redis',
    link: null,
    get alive() {
      return alive;
    },
    start: async () => {
      current = await startPrivateRedis({ dir, port, appendOnly: true });
      alive = true;
    },
    kill: (signal) => {
      current?.kill(signal);
      if (signal === 'SIGKILL') alive = false;
    },
    end: async () => {
      if (alive) await current?.stop();
      alive = false;
    },
  };
}
