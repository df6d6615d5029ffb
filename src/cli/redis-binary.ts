import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** No Redis server can be run here; the message says what to do about it. */
export class RedisMissingError extends Error {
  override readonly name = 'RedisMissingError';
}

/**
 * The path of a Redis or Valkey server: `REDIS_SERVER_BIN`, else the first on `PATH`, else the one that
 * `npm run setup` unpacked under the working folder. Redis 6 is passed over: it refuses scripts that begin with `#!lua`.
 *
 * @throws {@link RedisMissingError}
 */
export function findRedisBinary(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['REDIS_SERVER_BIN'];
  if (named) {
    if (isUsable(named)) return named;
    throw new RedisMissingError(
      `REDIS_SERVER_BIN=${named} is no Redis or Valkey server of version 7.0 or later.`,
    );
  }
  const places = (env['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  const candidates = places.flatMap((place) => [
    path.join(place, 'redis-server'),
    path.join(place, 'valkey-server'),
  ]);
  const found = [...candidates, path.resolve('.cloud-node/redis/bin/redis-server')].find(isUsable);
  if (found) return found;
  throw new RedisMissingError(
    'No redis-server (7.0 or later) found. Run `npm run setup`, install Redis or Valkey, or name a binary with ' +
      'REDIS_SERVER_BIN. `cloud-node up` also takes a server that runs: set REDIS_URL.',
  );
}

function isUsable(binary: string): boolean {
  try {
    // A bare name is looked up on PATH by spawn itself.
    if (binary.includes('/')) accessSync(binary, constants.X_OK);
  } catch {
    return false;
  }
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return Number(/v=(\d+)\./.exec(String(stdout))?.[1] ?? 0) >= 7;
}
