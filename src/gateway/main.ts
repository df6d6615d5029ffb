import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Express } from 'express';
import { createBlobStore } from '../blobs/create-blob-store.js';
import { ConfigError } from '../config/config-error.js';
import { parseEnv, type Config } from '../config/env.js';
import { connectRedis, endConnection } from '../redis/connection.js';
import { Keys } from '../redis/keys.js';
import { WorkQueues } from '../redis/queues.js';
import { redisConfig } from '../redis/redis-config.js';
import { readServerInfo } from '../redis/server-info.js';
import { createStores } from '../redis/stores.js';
import { runUntilSignal } from '../telemetry/lifecycle.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { startNodeReporter } from '../telemetry/node-reporter.js';
import { startTracing, tracesUrl } from '../telemetry/tracing.js';
import type { GatewayDeps } from './context.js';
import { PoolSigner } from './identity/pool-signer.js';
import { createGateway } from './server.js';
import { validTo, watchTls } from './tls/watch-tls.js';
import { contextOf } from './tls/web-server.js';

/** EX_CONFIG and EX_UNAVAILABLE of sysexits.h. */
const EXIT_CONFIG = 78;
const EXIT_UNAVAILABLE = 69;
/** How soon a certificate that was replaced is used; SIGHUP is faster. */
const TLS_LOOK_MS = 10_000;

/** `cloud-node gateway`: any number may run behind one address. `routes` adds pages to the protocol. */
export async function runGateway(env: NodeJS.ProcessEnv, routes?: (app: Express) => void): Promise<void> {
  const nodeId = `gateway-${randomBytes(4).toString('hex')}`;
  try {
    const config = parseEnv(env);
    requireAuth(config);
    checkKeys(config);
    const log = createLogger({ level: config.LOG_LEVEL, role: 'gateway', nodeId });
    const endTracing = await startTracing(config, { role: 'gateway', nodeId, log });
    const deps = await connect(config, { log, nodeId });
    await deps.blobs.ready(config.REDIS_CONNECT_MS);
    await warnOfRedis(deps);
    warnOfPoolKey(deps);
    await serve(deps, { readAgain: () => parseEnv(env), endTracing, ...(routes && { routes }) });
  } catch (error) {
    process.stderr.write(`cloud-node gateway: ${(error as Error).message}\n`);
    process.exit(error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNAVAILABLE);
  }
}

interface ServeOptions {
  readonly routes?: (app: Express) => void;
  /** The environment with its files, as they are now. */
  readonly readAgain: () => Config;
  readonly endTracing: () => Promise<void>;
}

async function serve(deps: GatewayDeps, { readAgain, endTracing, ...options }: ServeOptions): Promise<void> {
  const { config, log, nodeId, stores, blobs, queues } = deps;
  const gateway = await createGateway(deps, options);
  const { url, port } = await gateway.listen();
  const reporter = startNodeReporter({
    pool: stores.pool,
    role: 'gateway',
    nodeId,
    url: config.PUBLIC_URL ?? insideUrl(config, port),
    slots: 0,
    stats: () => ({ busySlots: 0, connections: gateway.connections() }),
  });
  const tls =
    config.TLS_CERT === undefined
      ? null
      : watchTls({
          read: readAgain,
          renew: (settings) => gateway.renewTls(settings),
          log,
          everyMs: TLS_LOOK_MS,
        });
  log.info({ url, poolKey: gateway.poolKey, certificateValidTo: validTo(config) }, 'gateway ready');
  process.stdout.write(`${JSON.stringify({ ready: true, role: 'gateway', url, nodeId })}\n`);
  await runUntilSignal({
    log,
    drainMs: config.DRAIN_MS,
    steps: [
      { name: 'drain', run: () => gateway.drain() },
      { name: 'gateway', run: () => gateway.close() },
      { name: 'tls', run: () => tls?.stop() },
      { name: 'reporter', run: () => reporter.stop() },
      { name: 'queues', run: () => queues.close() },
      { name: 'blobs', run: () => blobs.close() },
      { name: 'redis', run: () => endConnection(stores.context.redis) },
      { name: 'traces', run: endTracing },
    ],
  });
}

async function connect(
  config: Config,
  { log, nodeId }: { log: Logger; nodeId: string },
): Promise<GatewayDeps> {
  const redis = await connectRedis(redisConfig(config), { purpose: 'requests', log });
  const context = { redis, keys: new Keys(config.REDIS_PREFIX) };
  return {
    config,
    log,
    nodeId,
    stores: createStores(context, { auditMaxEntries: config.AUDIT_MAX_ENTRIES, log }),
    blobs: await createBlobStore(config, context, log),
    queues: new WorkQueues(context, { traced: tracesUrl(config) !== null }),
  };
}

function requireAuth({ AUTH_SECRET, AUTH_JWKS_URL }: Config): void {
  if (AUTH_SECRET !== undefined || AUTH_JWKS_URL !== undefined) return;
  throw new ConfigError(
    'Nobody could use this gateway: set AUTH_SECRET (at least 32 characters) or AUTH_JWKS_URL.',
  );
}

/** What is wrong with keys and certificates is found before anything is started. */
function checkKeys(config: Config): void {
  try {
    PoolSigner.from(config);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
  try {
    contextOf(config);
  } catch (error) {
    throw new ConfigError(`TLS_CERT, TLS_KEY, TLS_CLIENT_CA: ${(error as Error).message}`);
  }
}

function warnOfPoolKey({ config, log }: GatewayDeps): void {
  if (config.POOL_KEY === undefined)
    log.warn('the pool is unsigned: Libraries can not tell it from an impostor (set POOL_KEY)');
}

/** What is acknowledged is as durable as Redis. */
async function warnOfRedis({ stores, log }: GatewayDeps): Promise<void> {
  const { appendOnly } = await readServerInfo(stores.context);
  if (!appendOnly)
    log.warn('Redis keeps no append-only file: what it holds is lost when it restarts (set appendonly yes)');
}

/** An address at which other machines of the pool's network find this one. */
function insideUrl({ HOST: host, TLS_CERT }: Config, port: number): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const addresses = Object.values(networkInterfaces()).flat();
  const outer = addresses.find((address) => address?.family === 'IPv4' && !address.internal);
  const scheme = TLS_CERT === undefined ? 'http' : 'https';
  return `${scheme}://${isAny ? (outer?.address ?? '127.0.0.1') : host}:${port}`;
}
