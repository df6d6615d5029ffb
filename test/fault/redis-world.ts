import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect } from '@jest/globals';
import { Redis } from 'ioredis';
import { denseModel } from '../../bench/lib/dense-model.js';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { freePorts } from '../../bench/lib/process.js';
import { startTcpProxy, type TcpProxy } from '../../bench/lib/tcp-proxy.js';
import { startPrivateRedis, type PrivateRedis } from '../../src/cli/private-redis.js';
import { waitForExit } from '../../src/cli/redis-process.js';
import type { ExploraSession } from '../../src/explora/index.js';
import type { Library } from '../../src/library/index.js';
import type { JobInput } from '../../src/protocol/job.js';
import { eventually } from '../helpers/eventually.js';
import type { TestPool } from '../helpers/pool.js';

/** Those of the pool (test/helpers/pool.ts) run first: it is gone before its Redis is. */
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Ends something after the test. */
export function cleanUp(close: () => Promise<void>): void {
  open.push(close);
}

export interface FaultyRedis {
  /** Through the proxy: what the pool is given. */
  readonly url: string;
  readonly dir: string;
  readonly port: number;
  readonly proxy: TcpProxy;
  /** Past the proxy, to see and to set what the pool must not notice. */
  readonly admin: Redis;
  /** Ends it by SIGTERM, or by SIGKILL as a crash does. */
  end(how: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again where it was, with what its append-only file has. */
  startAgain(): Promise<void>;
}

/** A Redis with an append-only file, behind a network that fails on demand. */
export async function startFaultyRedis(extraArgs: readonly string[] = []): Promise<FaultyRedis> {
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-fault-'));
  cleanUp(() => rm(dir, { recursive: true, force: true }));
  const [port = 0] = await freePorts(1);
  const start = (): Promise<PrivateRedis> => startPrivateRedis({ dir, port, appendOnly: true, extraArgs });
  let server = await start();
  cleanUp(() => server.stop());
  const proxy = await startTcpProxy({ port });
  cleanUp(() => proxy.close());
  const admin = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 });
  admin.on('error', () => {
    // It is away when a test wants it so.
  });
  cleanUp(async () => void admin.disconnect());
  return {
    url: `redis://${proxy.host}:${proxy.port}`,
    dir,
    port,
    proxy,
    admin,
    end: async (how) => {
      if (how === 'SIGTERM') return server.stop();
      server.kill(how);
      expect(await waitForExit(server.pid, 10_000)).toBe(true);
    },
    startAgain: async () => {
      server = await start();
    },
  };
}

/** The last of them takes its time, so that there is a middle of a round. */
export const LIBRARIES: Readonly<Record<string, number>> = { ada: 100, ben: 37, cyd: 512, dee: 1, eve: 64 };
export const SLOW = 'eve';
export const MODEL = denseModel(50, 60);
/** Small, so that a round has several shards. */
export const SHARD_PARAMS = 1_000;

export interface Training {
  readonly session: ExploraSession;
  readonly repoId: string;
  readonly apiKey: string;
  readonly libraries: ReadonlyMap<string, Library>;
  /** Waits until this version is reached and a later round has some updates, but not all. */
  midRound(version: number): Promise<{ version: number; received: number }>;
  /** Waits for the end and compares everything with what must come out. */
  finish(withinMs?: number): Promise<void>;
}

interface TrainingOptions {
  readonly rounds?: number;
  readonly slowMs?: number;
  readonly staggerMs?: number;
  /** What else is asked for. */
  readonly job?: Partial<JobInput>;
}

/** Libraries and a session of theirs. */
export async function startTraining(
  pool: TestPool,
  { rounds = 4, slowMs = 500, staggerMs = 0, job = {} }: TrainingOptions = {},
): Promise<Training> {
  const { repoId, apiKey, explora } = await pool.repo();
  const { modelId } = await explora.uploadModel(MODEL);
  const libraries = new Map(
    Object.entries(LIBRARIES).map(([libraryId, numExamples], i) => {
      const trainMs = libraryId === SLOW ? slowMs : 50 + i * staggerMs;
      return [libraryId, pool.library({ apiKey, libraryId, numExamples, trainMs })];
    }),
  );
  await Promise.all([...libraries.values()].map((library) => library.join()));
  const all = libraries.size;
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: all },
    continuation: { value: 1 },
    evaluation: { on: 'none' },
    termination: { maxRounds: rounds },
    ...job,
  });
  return {
    session,
    repoId,
    apiKey,
    libraries,
    midRound: (atVersion) =>
      eventually(
        async () => {
          const { version, received } = await session.get();
          return version >= atVersion && received > 0 && received < all && { version, received };
        },
        { withinMs: 45_000, everyMs: 5 },
      ) as Promise<{ version: number; received: number }>,
    finish: async (withinMs = 45_000) => {
      const view = await session.result({ signal: AbortSignal.timeout(withinMs) });
      expect(view).toMatchObject({ state: 'completed', version: rounds });
      expect(view.history.map((round) => round.updates)).toEqual(Array.from({ length: rounds }, () => all));
      const expected = { weights: MODEL.weights, libraries: LIBRARIES, rounds, shardParams: SHARD_PARAMS };
      expect(view.history.at(-1)?.sha256).toBe(await expectedSha256(expected));
    },
  };
}
