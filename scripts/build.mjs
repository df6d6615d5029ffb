#!/usr/bin/env node
/**
 * Compiles src/, workers/, bench/ and examples/ to dist/; bundles what `cloud-node` runs into dist/bundle/, the Dashboard
 * into dist/dashboard/ and the Library for browsers into dist/library/; stamps it all with dist/.built.
 *
 *   npm run build
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const stamp = path.join(root, 'dist/.built');
const INPUTS = [
  'src',
  'workers',
  'bench',
  'examples',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Whether dist/ is at least as new as everything it is made of. */
export function isBuilt() {
  if (!existsSync(stamp)) return false;
  return INPUTS.every((name) => newestMs(path.join(root, name)) <= statSync(stamp).mtimeMs);
}

/** Builds. Throws an Error with the compiler's output when it fails. */
export async function build() {
  // The time before compiling: a file saved meanwhile makes the next build run again.
  const startedAt = new Date();
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  // The compiler trusts its build info even when somebody removed the output.
  if (!existsSync(stamp)) rmSync(path.join(root, 'dist/.tsbuildinfo'), { force: true });
  // Types are checked by `npm test`; whoever only wants to run it need not wait for that.
  const args = [tsc, '-p', 'tsconfig.build.json', '--noCheck'];
  run(args);
  buildPage();
  copySwaggerUi(path.join(root, 'dist/swagger-ui'));
  // Not at the top: this file is loaded before there are any packages.
  const { buildLibrary } = await import('./lib/build-library.mjs');
  const { bundleProcesses } = await import('./lib/bundle-processes.mjs');
  await buildLibrary(root);
  await bundleProcesses(root);
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${startedAt.toISOString()}\n`);
  utimesSync(stamp, startedAt, startedAt);
}

function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) throw new Error(`The build failed:\n${stdout ?? ''}${stderr ?? ''}`.trim());
}

/** The Dashboard's page, when anything that it is made of is newer. */
function buildPage() {
  const page = path.join(root, 'dist/dashboard/index.html');
  const sources = ['src/dashboard', 'src/protocol', 'src/core', 'package-lock.json'];
  const newest = Math.max(...sources.map((name) => newestMs(path.join(root, name))));
  if (existsSync(page) && statSync(page).mtimeMs >= newest) return;
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  run([vite, 'build', '--config', 'src/dashboard/vite.config.mjs', '--logLevel', 'warn']);
}

/** Copied, not installed with the pool: what runs in production is few packages, and of this one only two files. */
function copySwaggerUi(to) {
  const from = path.join(root, 'node_modules/swagger-ui-dist');
  if (!existsSync(from)) return;
  for (const name of [
    'swagger-ui-bundle.js',
    'swagger-ui-bundle.js.LICENSE.txt',
    'swagger-ui.css',
    'LICENSE',
    'NOTICE',
  ])
    cpSync(path.join(from, name), path.join(to, name));
}

/** Folders count too: removing a file changes nothing else. */
function newestMs(file) {
  if (!existsSync(file)) return 0;
  const { mtimeMs } = statSync(file);
  if (!statSync(file).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(file).map((name) => newestMs(path.join(file, name))));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
