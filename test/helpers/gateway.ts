import { SignJWT } from 'jose';
import type { BlobStore } from '../../src/blobs/blob-store.js';
import { createBlobStore } from '../../src/blobs/create-blob-store.js';
import { parseEnv, type Config } from '../../src/config/env.js';
import { localKernels } from '../../src/gateway/intake/kernel-thread.js';
import { createGateway, type Gateway } from '../../src/gateway/server.js';
import type { ModelChecker } from '../../src/keras/check-model.js';
import type { KerasConverter } from '../../src/keras/convert-in-thread.js';
import type { Role } from '../../src/protocol/http.js';
import { connectRedis, type RedisClient } from '../../src/redis/connection.js';
import { Keys } from '../../src/redis/keys.js';
import { WorkQueues } from '../../src/redis/queues.js';
import { createStores, type Stores } from '../../src/redis/stores.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { uniqueId } from './namespace.js';
import { defaultServer, removeKeys, serverEnv, type TestServer } from './servers.js';

export const SECRET = 'a secret that only tests know, 32+ characters';

/** Anything: tests look at it with `expect`. */
export type Json = ReturnType<typeof JSON.parse>;

export interface CallOptions {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly config: Config;
  readonly url: string;
  readonly prefix: string;
  readonly redis: RedisClient;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  /** As the admin unless a token is given; a body that is no bytes is sent as JSON. */
  call(path: string, options?: CallOptions): Promise<Response>;
  /** The same, when the answer is JSON. */
  json(path: string, options?: CallOptions): Promise<{ status: number; body: Json; headers: Headers }>;
  /** A Repo with an API key. */
  repo(repoId?: string): Promise<{ repoId: string; apiKey: string; keyId: string }>;
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Join the pool of another gateway. */
  readonly like?: TestGateway;
  readonly models?: ModelChecker;
  readonly keras?: KerasConverter;
  /** Default: the suite's. */
  readonly server?: TestServer;
}

/** Takes every topology: most tests are about something else. */
const anyModel: ModelChecker = { check: () => Promise.resolve(null), close: () => Promise.resolve() };

export function signToken(
  role: Role,
  repos: readonly string[] = [],
  options: { secret?: string; expires?: string; claims?: object; subject?: string } = {},
): Promise<string> {
  return new SignJWT({ role, repos, ...options.claims })
    .setSubject(options.subject ?? 'test')
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime(options.expires ?? '1h')
    .sign(new TextEncoder().encode(options.secret ?? SECRET));
}

/** A gateway in this process over the real test Redis, with a prefix of its own. Close it after the tests. */
export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const prefix = options.like?.prefix ?? uniqueId('g');
  const config = parseEnv({
    ...serverEnv(options.server ?? defaultServer()),
    REDIS_PREFIX: prefix,
    HOST: '127.0.0.1',
    PORT: '0',
    AUTH_SECRET: SECRET,
    SHARD_PARAMS: '8',
    DRAIN_MS: '1000',
    ...options.env,
  });
  const log = createLogger({
    level: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    role: 'gateway',
    nodeId: 'test',
  });
  const { REDIS_URL: redisUrl, REDIS_CLUSTER: cluster } = config;
  const redis = await connectRedis(
    { url: redisUrl, cluster, connectWithinMs: 5_000 },
    { purpose: 'requests', log },
  );
  const context = { redis, keys: new Keys(prefix) };
  const stores = createStores(context, { auditMaxEntries: config.AUDIT_MAX_ENTRIES });
  const blobs = await createBlobStore(config, context, log);
  const queues = new WorkQueues(context);
  const gateway = await createGateway(
    { config, stores, blobs, queues, log },
    {
      models: options.models ?? anyModel,
      kernels: localKernels,
      ...(options.keras === undefined ? {} : { keras: options.keras }),
    },
  );
  const { url } = await gateway.listen();
  const admin = await signToken('admin', ['*']);

  const self: TestGateway = {
    gateway,
    config,
    url,
    prefix,
    redis,
    stores,
    blobs,
    call: (path, { method = 'GET', token = admin, headers = {}, body } = {}) => {
      const bytes = body instanceof Uint8Array || body instanceof ReadableStream;
      const payload = body === undefined ? null : bytes ? (body as BodyInit) : JSON.stringify(body);
      return fetch(`${url}${path}`, {
        method,
        headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
        body: payload,
        ...(body instanceof ReadableStream ? ({ duplex: 'half' } as object) : {}),
      });
    },
    json: async (path, request) => {
      const answer = await self.call(path, request);
      return { status: answer.status, body: await answer.json(), headers: answer.headers };
    },
    repo: async (repoId = uniqueId('repo')) => {
      await self.json('/v1/repos', { method: 'POST', body: { repoId } });
      const { body } = await self.json(`/v1/repos/${repoId}/keys`, {
        method: 'POST',
        body: { label: 'test' },
      });
      return { repoId, apiKey: body.apiKey as string, keyId: body.keyId as string };
    },
    close: async () => {
      await gateway.close();
      await queues.close();
      await blobs.close();
      if (options.like === undefined) await removeKeys(redis, prefix);
      await redis.quit();
    },
  };
  return self;
}
