import path from 'node:path';
import { DEFAULT_DATA_DIR, type GlobalOptions } from './context.js';
import { CliError, EXIT } from './errors.js';
import { relativeTime } from './format.js';
import { withLifetime, type Lifetime } from './lifetime.js';
import type { Output } from './output.js';
import { poolEnv } from './pool-env.js';
import { poolKeyEnv } from './pool-key-files.js';
import { describeSize, poolSize, type PoolSize } from './pool-size.js';
import { requireFreePorts } from './ports.js';
import { startPrivateRedis } from './private-redis.js';
import { ensureSecret, readProfile, writeProfile, type Profile } from './profile.js';
import { isAlive } from './redis-process.js';
import { selfCommand } from './self.js';
import { startPool, type Pool } from './supervisor.js';

export interface UpOptions extends GlobalOptions, Partial<PoolSize> {
  readonly port: number;
}

/** `cloud-node up`: runs until it is told to end. */
export async function runUp(options: UpOptions, out: Output): Promise<void> {
  const told = (): void =>
    out.note('\nStopping: what is in flight is finished first. Ctrl-C again stops at once.');
  await withLifetime((lifetime) => upUntilSignal(options, out, lifetime), told);
}

async function upUntilSignal(options: UpOptions, out: Output, lifetime: Lifetime): Promise<never> {
  const { dataDir } = options;
  const size = poolSize(options);
  refuseSecondPool(dataDir);
  await requireFreePorts(options.port, size.gateways + size.allInOne);
  const given = process.env['REDIS_URL'] ?? '';
  if (given === '') out.note(`Starting a Redis of its own in ${dataDir} …`);
  const redisUrl = given === '' ? await ownRedis(dataDir, lifetime) : given;
  const { file: secretFile, secret } = ensureSecret(dataDir);
  const identity = hasOwn(process.env, ['POOL_KEY', 'POOL_KEY_FILE']) ? null : poolKeyEnv(dataDir);
  out.note('Starting the processes of the pool …');
  const pool = await lifetime.own(
    startPool({
      ...size,
      port: options.port,
      dataDir,
      env: poolEnv(process.env, {
        REDIS_URL: redisUrl,
        ...(hasOwn(process.env, TOKEN_SETTINGS) ? {} : { AUTH_SECRET: secret }),
        ...identity?.env,
      }),
      onExit: (child, how, inMs) =>
        out.note(`! ${child.name} ended (${how}); it is started again in ${(inMs / 1_000).toFixed(1)} s.`),
      onRestart: (child) => out.note(`  ${child.name} is there again (pid ${child.pid}).`),
    }),
    { end: (started) => started.stop(), force: (started) => started.kill() },
  );
  const profile: Profile = {
    v: 1,
    pid: process.pid,
    urls: [...pool.gatewayUrls],
    secretFile,
    startedMs: Date.now(),
  };
  writeProfile(dataDir, profile);
  await lifetime.own(Promise.resolve(), { end: () => writeProfile(dataDir, { ...profile, pid: null }) });
  const poolKey = identity?.publicKey ?? null;
  out.result(
    {
      ready: true,
      urls: profile.urls,
      dataDir,
      poolKey,
      processes: pool.children.map(({ name, pid }) => ({ name, pid })),
    },
    (style) =>
      summary({ pool, size, dataDir, redisUrl: given, poolKey }).map((line) =>
        line.replace(/^✓/, style.green),
      ),
  );
  // The pool runs; a signal ends this.
  return new Promise<never>(() => undefined);
}

async function ownRedis(dataDir: string, lifetime: Lifetime): Promise<string> {
  const redis = await lifetime.own(startPrivateRedis({ dir: dataDir, appendOnly: true }), {
    end: (started) => started.stop(),
    force: (started) => started.kill('SIGTERM'),
  });
  return redis.url;
}

const TOKEN_SETTINGS = ['AUTH_SECRET', 'AUTH_SECRET_FILE', 'AUTH_JWKS_URL'];

/** Somebody decided about it: then what the data folder has for it is not used. */
function hasOwn(env: NodeJS.ProcessEnv, names: readonly string[]): boolean {
  return names.some((name) => (env[name] ?? '') !== '');
}

function refuseSecondPool(dataDir: string): void {
  const profile = readProfile(dataDir);
  if (profile?.pid == null || profile.pid === process.pid || !isAlive(profile.pid)) return;
  throw new CliError(
    EXIT.unavailable,
    `A pool of this data folder runs already (pid ${profile.pid}, ${profile.urls.join(', ')}, ` +
      `started ${relativeTime(profile.startedMs, Date.now())}).`,
    {
      advice: 'Use it, stop it first, or choose another folder with --data-dir and other ports with --port.',
    },
  );
}

interface Started {
  readonly pool: Pool;
  readonly size: PoolSize;
  readonly dataDir: string;
  readonly redisUrl: string;
  readonly poolKey: string | null;
}

function summary({ pool, size, dataDir, redisUrl, poolKey }: Started): string[] {
  const flag = dataDir === DEFAULT_DATA_DIR ? '' : ` --data-dir ${dataDir}`;
  const self = selfCommand();
  return [
    '',
    `✓ The pool is ready: ${describeSize(size)}.`,
    '',
    ...pool.gatewayUrls.map((url) => `  gateway  ${url}`),
    `  Redis    ${redisUrl === '' ? `its own, data kept in ${dataDir}` : 'the one of REDIS_URL'}`,
    `  key      ${poolKey ?? 'the one of POOL_KEY'}`,
    `  logs     ${path.join(dataDir, 'logs')}`,
    '',
    'Next, in another terminal:',
    `  ${self} status${flag}`,
    `  ${self} repo create demo${flag}`,
    `  ${self} key create demo${flag}`,
    `  ${self} submit demo --job job.json --model model.json --watch${flag}`,
    '',
    'Ctrl-C stops it; started again, it goes on where it stopped.',
  ];
}
