import { networkInterfaces } from 'node:os';
import { ConfigError } from '../config/config-error.js';
import type { Config } from '../config/env.js';
import type { PoolDeps } from '../process/pool-deps.js';
import type { Role } from '../process/role.js';
import { readServerInfo } from '../redis/server-info.js';
import { PoolSigner } from './identity/pool-signer.js';
import { createGateway } from './server.js';
import { validTo, watchTls } from './tls/watch-tls.js';
import { contextOf, type TlsSettings } from './tls/web-server.js';

/** How soon a certificate that was replaced is used; SIGHUP is faster. */
const TLS_LOOK_MS = 10_000;

/** Any number may run behind one address. `readAgain` gives the environment with its files as they are then. */
export function gatewayRole(readAgain: () => Config): Role {
  return {
    role: 'gateway',
    purpose: 'requests',
    check: (config) => {
      requireAuth(config);
      checkKeys(config);
    },
    start: async (deps) => {
      const { config, log } = deps;
      await warnOfRedis(deps);
      warnOfPoolKey(deps);
      const gateway = await createGateway(deps);
      const { url, port } = await gateway.listen();
      const renew = (settings: TlsSettings): void => gateway.renewTls(settings);
      const tls =
        config.TLS_CERT === undefined
          ? null
          : watchTls({ read: readAgain, renew, log, everyMs: TLS_LOOK_MS });
      log.info({ url, poolKey: gateway.poolKey, certificateValidTo: validTo(config) }, 'gateway listens');
      return {
        ready: { url },
        insideUrl: config.PUBLIC_URL ?? insideUrl(config, port),
        slots: 0,
        stats: () => ({ busySlots: 0, connections: gateway.connections() }),
        steps: [
          { name: 'drain', run: () => gateway.drain() },
          { name: 'gateway', run: () => gateway.close() },
          { name: 'tls', run: () => tls?.stop() },
        ],
      };
    },
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

function warnOfPoolKey({ config, log }: PoolDeps): void {
  if (config.POOL_KEY === undefined)
    log.warn('the pool is unsigned: Libraries can not tell it from an impostor (set POOL_KEY)');
}

/** What is acknowledged is as durable as Redis. */
async function warnOfRedis({ stores, log }: PoolDeps): Promise<void> {
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
