#!/usr/bin/env node
/**
 * Makes a bare clone ready: checks Node, installs npm dependencies, builds, finds or installs a Redis server. Does
 * nothing where nothing is to do, so every other script begins with it. Zero dependencies.
 *
 *   npm run setup
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as runBuild, isBuilt } from './build.mjs';
import { ensureRedis } from './lib/redis-binary.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * @param options.redis  make sure of a redis-server binary (never when REDIS_URL names a server)
 * @param options.build  compile to dist/ when it is missing or stale
 * @param options.quiet  say what is done on stderr, because stdout belongs to the caller
 * @returns {Promise<void>} throws an Error that says what to do
 */
export async function setup({ redis = true, build = true, quiet = false } = {}) {
  const log = (line) => (quiet ? console.error(line) : console.log(line));
  checkNode();
  if (!isInstalled()) await timed(log, 'Installing dependencies', () => installDependencies(log));
  if (build && !isBuilt()) await timed(log, 'Building', runBuild);
  if (redis && !process.env.REDIS_URL) process.env.REDIS_SERVER_BIN = ensureRedis({ log });
}

/** For scripts: like `setup`, but an error is printed and ends the process (69: EX_UNAVAILABLE). */
export async function setupOrExit(options) {
  try {
    await setup(options);
  } catch (error) {
    console.error(`\n${error.message}`);
    process.exit(69);
  }
}

function checkNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    throw new Error(
      `This needs Node.js 20 or later; ${process.execPath} is ${process.version}. See https://nodejs.org.`,
    );
  }
}

/** Compares what npm says it installed with the lock file; times of files say nothing after a checkout. */
function isInstalled() {
  const hidden = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    // Optional ones may be missing here for a reason: another platform, or a download that failed.
    ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
  );
}

function installDependencies(log) {
  const clean = npm('ci');
  if (clean.status === 0) return;
  log('  npm ci failed; trying npm install …');
  const loose = npm('install');
  if (loose.status === 0) return;
  throw new Error(`npm could not install the dependencies:\n${clean.output}\n${loose.output}`);
}

function npm(command) {
  const args = [command, '--no-audit', '--no-fund', '--loglevel=error'];
  // An `npm run` above us sets npm_config_* and NODE_ENV=production would leave out what the build needs.
  const env = { ...process.env, NODE_ENV: 'development' };
  const windows = process.platform === 'win32';
  const { status, stdout, stderr, error } = spawnSync(windows ? 'npm.cmd' : 'npm', args, {
    cwd: root,
    env,
    shell: windows,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error ? error.message : ''}`.trim() };
}

async function timed(log, what, work) {
  const startedMs = performance.now();
  log(`${what} …`);
  await work();
  log(`  done in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setupOrExit();
  console.log('Ready. Try: npm run demo');
}
