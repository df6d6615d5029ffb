import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { adoptRunning, isAlive, waitForExit } from './redis-process.js';
import { findRedisBinary, RedisMissingError } from './redis-binary.js';
import { waitForRedis } from './redis-probe.js';
import { chooseSocketPath } from './socket-path.js';

export interface PrivateRedisOptions {
  /** Data, log and pid file live here. */
  readonly dir: string;
  /** Keep what is written over restarts. */
  readonly appendOnly: boolean;
  /** Default: `<dir>/redis.sock`, or a short path in the temp folder where that is too long for a socket. */
  readonly socketPath?: string;
  /** Listen on 127.0.0.1 at this port instead of a Unix socket. */
  readonly port?: number;
  /** A Redis Cluster of one node (its slots are the caller's to add); needs `port`. */
  readonly clusterEnabled?: boolean;
  /** As Redis writes it: bytes, or `256mb`. */
  readonly maxmemory?: number | string;
  readonly extraArgs?: readonly string[];
  /** How long it may take to load its data. Default 60 s. */
  readonly readyWithinMs?: number;
  /** Where to look for the binary. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface PrivateRedis {
  /** Path of the Unix socket or `redis://127.0.0.1:port`: ioredis takes both. */
  readonly url: string;
  readonly pid: number;
  /** It was already running in this folder, left by a process that was killed. */
  readonly reused: boolean;
  /** Lets it write out its data and waits until it is gone. */
  stop(): Promise<void>;
  /** Sends a signal and does not wait: to test crashes. */
  kill(signal: NodeJS.Signals): void;
}

const STOP_WITHIN_MS = 10_000;

/**
 * Sums and versions fill the file within rounds: at Redis's own 64 MiB it would be rewritten all the time, and whoever
 * writes waits for the disk meanwhile. What a process leaves when it dies is in the file in any case.
 */
const APPEND_FILE = [
  ...['--appendfsync', 'everysec', '--no-appendfsync-on-rewrite', 'yes'],
  ...['--auto-aof-rewrite-min-size', '1gb'],
];

/**
 * Starts a Redis server of our own in `dir`, or takes over the one that an earlier, killed process left there.
 *
 * It runs in its own process group, so that Ctrl-C in the terminal reaches the pool but not the Redis under it: the
 * pool drains first and then calls {@link PrivateRedis.stop}. If this process exits without that, Redis gets SIGTERM.
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  mkdirSync(options.dir, { recursive: true });
  const withinMs = options.readyWithinMs ?? 60_000;
  const dir = path.resolve(options.dir);
  const pidFile = path.join(dir, 'redis.pid');

  const running = await adoptRunning(pidFile, withinMs);
  if (running) return handle({ ...running, reused: true, pidFile });

  const url =
    options.port === undefined
      ? (options.socketPath ?? chooseSocketPath(dir))
      : `redis://127.0.0.1:${options.port}`;
  const logFile = path.join(dir, 'redis.log');
  const child = launch(findRedisBinary(options.env ?? process.env), {
    args: serverArgs(options, { dir, url }),
    logFile,
  });
  const failed = (what: string): Error => new Error(`Redis in ${dir} ${what}:\n${tail(logFile)}`);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new RedisMissingError(`Redis cannot be run: ${error.message}`)));
  });
  const pid = child.pid ?? 0;
  // Before it is ready: whoever else starts in this folder must wait for it, not run a second one on the same data.
  writeFileSync(pidFile, `${pid}\n${url}\n`);

  const stillThere = (): void => {
    if (child.exitCode !== null || child.signalCode !== null) {
      rmSync(pidFile, { force: true });
      throw failed(`ended at once (${child.signalCode ?? `exit code ${child.exitCode}`})`);
    }
  };
  const probe = await waitForRedis(url, { withinMs, stillThere });
  if (probe?.pid === pid) return handle({ url, pid, reused: false, pidFile });
  child.kill('SIGKILL');
  rmSync(pidFile, { force: true });
  throw failed(
    probe ? 'did not get its address, another server has it' : `was not ready within ${withinMs / 1000} s`,
  );
}

function serverArgs(options: PrivateRedisOptions, place: { dir: string; url: string }): string[] {
  const listen =
    options.port === undefined
      ? ['--port', '0', '--unixsocket', place.url, '--unixsocketperm', '700']
      : ['--port', String(options.port), '--bind', '127.0.0.1'];
  const cluster = ['yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-require-full-coverage', 'no'];
  return [
    ...listen,
    ...['--dir', place.dir, '--daemonize', 'no', '--save', '', '--maxmemory-policy', 'noeviction'],
    ...['--appendonly', options.appendOnly ? 'yes' : 'no', ...APPEND_FILE],
    ...(options.clusterEnabled ? ['--cluster-enabled', ...cluster] : []),
    ...(options.maxmemory === undefined ? [] : ['--maxmemory', String(options.maxmemory)]),
    ...(options.extraArgs ?? []),
  ];
}

function launch(binary: string, options: { args: string[]; logFile: string }): ChildProcess {
  const log = openSync(options.logFile, 'a');
  try {
    const child = spawn(binary, options.args, { detached: true, stdio: ['ignore', log, log] });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

function handle(running: { url: string; pid: number; reused: boolean; pidFile: string }): PrivateRedis {
  const { url, pid, reused, pidFile } = running;
  const kill = (signal: NodeJS.Signals): void => {
    if (isAlive(pid)) process.kill(pid, signal);
  };
  const onExit = (): void => kill('SIGTERM');
  process.once('exit', onExit);
  return {
    url,
    pid,
    reused,
    kill,
    async stop() {
      process.off('exit', onExit);
      kill('SIGTERM');
      if (!(await waitForExit(pid, STOP_WITHIN_MS))) {
        kill('SIGKILL');
        await waitForExit(pid, STOP_WITHIN_MS);
      }
      rmSync(pidFile, { force: true });
    },
  };
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-8).join('\n');
  } catch {
    return '(no log)';
  }
}
