/**
 * Finds a Redis server (or Valkey) of version 7 or later, or puts one there. Zero dependencies: runs before `npm ci`.
 *
 *   node scripts/lib/redis-binary.mjs    prints the path of the binary
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { has, isExecutable, onPath } from './on-path.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const home = path.join(root, '.cloud-node/redis');
const extracted = path.join(home, 'bin/redis-server');
const NAMES = ['redis-server', 'valkey-server'];

export const NO_REDIS =
  'No redis-server (7.0 or later) here and none could be installed. Install Redis (Debian: apt install redis-server, ' +
  'macOS: brew install redis) or Valkey, name a binary with REDIS_SERVER_BIN, or set REDIS_URL to a server that runs.';

/** The path of a usable server, or null. The scripts of the pool start with `#!lua`, which Redis 6 refuses. */
export function findRedis(env = process.env) {
  const named = env.REDIS_SERVER_BIN;
  if (named) {
    if (isUsable(named)) return named;
    throw new Error(`REDIS_SERVER_BIN=${named} is no Redis or Valkey server of version 7.0 or later.`);
  }
  return [...onPath(NAMES, env), extracted].find(isUsable) ?? null;
}

/** Finds a server or installs one with whatever package manager is here. Throws with what to do when nothing works. */
export function ensureRedis({ log = () => {}, env = process.env } = {}) {
  const found = findRedis(env);
  if (found) return found;
  for (const { title, works, install } of WAYS) {
    if (!works()) continue;
    log(`Installing redis-server (${title}) …`);
    const problem = attempt(install);
    const now = findRedis(env);
    if (now) return now;
    log(`  that did not work: ${problem ?? 'what it installed is missing or older than 7.0'}`);
  }
  throw new Error(NO_REDIS);
}

const isRoot = () => process.getuid?.() === 0;
const WAYS = [
  // First, because it needs no root and starts no service.
  {
    title: 'Debian packages, unpacked in .cloud-node/',
    works: () => has('apt-get') && has('dpkg'),
    install: unpackDebs,
  },
  { title: 'apt-get', works: () => has('apt-get') && isRoot(), install: () => aptInstall([]) },
  {
    title: 'sudo apt-get',
    works: () => has('apt-get') && canSudo(),
    install: () => aptInstall(['sudo', '-n']),
  },
  {
    title: 'apk',
    works: () => has('apk') && isRoot(),
    install: () => run('apk', ['add', '--no-cache', 'redis']),
  },
  {
    title: 'dnf',
    works: () => has('dnf') && isRoot(),
    install: () => run('dnf', ['install', '-y', 'redis']),
  },
  { title: 'brew', works: () => has('brew'), install: () => run('brew', ['install', 'redis']) },
];

/** Downloads the server and the libraries that this machine lacks, into our own folder: nothing of the system changes. */
function unpackDebs() {
  const apt = path.join(home, 'apt');
  rmSync(home, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'cache/archives/partial', 'debs']) {
    mkdirSync(path.join(apt, folder), { recursive: true });
  }
  const own = ['-o', `Dir::State::lists=${apt}/lists`, '-o', `Dir::Cache=${apt}/cache`];
  // Without root apt cannot lock the system's state, and need not; as root it must not drop to a user who cannot write here.
  own.push('-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root');
  run('apt-get', [...own, '-q', 'update']);
  const plan = run('apt-get', [...own, '--simulate', '--no-install-recommends', 'install', 'redis-server']);
  const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]);
  if (packages.length === 0) throw new Error('apt-get has nothing to install');
  const debs = path.join(apt, 'debs');
  run('apt-get', [...own, '-q', 'download', ...packages], { cwd: debs });
  const system = path.join(home, 'root');
  for (const deb of readdirSync(debs)) run('dpkg', ['-x', path.join(debs, deb), system]);
  rmSync(apt, { recursive: true, force: true });
  writeWrapper(system);
}

/** One file that can be run like an installed server: the libraries are beside it, not in the system. */
function writeWrapper(system) {
  const folders = ['usr/lib', 'lib', ...librariesIn(system, 'usr/lib'), ...librariesIn(system, 'lib')];
  const libraries = folders.map((folder) => `$here/root/${folder}`).join(':');
  const text = [
    '#!/bin/sh',
    'here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)',
    `export LD_LIBRARY_PATH="${libraries}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`,
    'exec "$here/root/usr/bin/redis-server" "$@"',
    '',
  ].join('\n');
  mkdirSync(path.dirname(extracted), { recursive: true });
  writeFileSync(extracted, text);
  chmodSync(extracted, 0o755);
}

function librariesIn(system, folder) {
  const full = path.join(system, folder);
  if (!existsSync(full)) return [];
  const names = readdirSync(full).filter((name) => name.includes('-linux-'));
  return names.map((name) => `${folder}/${name}`);
}

function aptInstall(prefix) {
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    return run(command, rest);
  };
  apt('-q', 'update');
  apt('install', '-q', '-y', '--no-install-recommends', 'redis-server');
  // The package starts a service on 6379 where there is an init system: we want the binary only.
  const [command, ...rest] = [...prefix, 'service', 'redis-server', 'stop'];
  spawnSync(command, rest, { stdio: 'ignore' });
}

function run(command, args, options = {}) {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
    maxBuffer: 64 * 1024 * 1024,
    ...options,
    env: { ...process.env, LC_ALL: 'C' },
  });
}

/** Runs it and returns what went wrong in a few lines, or null. */
function attempt(install) {
  try {
    install();
    return null;
  } catch (error) {
    const said = String(error.stderr || error.message).trim();
    return said.split('\n').slice(-3).join('\n  ');
  }
}

function canSudo() {
  return has('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
}

function isUsable(binary) {
  // A bare name in REDIS_SERVER_BIN is looked up on PATH by spawn itself.
  if (binary.includes('/') && !isExecutable(binary)) return false;
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return Number(/v=(\d+)\./.exec(stdout ?? '')?.[1] ?? 0) >= 7;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(ensureRedis({ log: (line) => console.error(line) }));
  } catch (error) {
    console.error(error.message);
    process.exit(69);
  }
}
