#!/usr/bin/env node
/**
 * Everything that must hold; goes on after a failure and ends with `N passed, N failed`.
 *
 *   npm test                              all steps
 *   npm test -- --only test               one step
 *   npm test -- --only test round -t fold  arguments after the step go to jest
 *   npm test -- --cluster [round …]        the test suite, on a Redis Cluster of three masters
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBuilt } from './build.mjs';
import { ensureChromium } from './lib/chromium-binary.mjs';
import { runJest } from './lib/run-jest.mjs';
import { setup } from './setup.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (file) => path.join('node_modules', file);

const STEPS = {
  build: [['scripts/build.mjs']],
  generated: [
    ['scripts/build-kernels.mjs', '--check'],
    ['scripts/build-lua.mjs', '--check'],
  ],
  lint: [[bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0']],
  format: [[bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
  types: [[bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json']],
  dependencies: [
    [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'src',
      'workers',
    ],
  ],
};

/** Runs the commands of a step quietly; shows the output of one that fails. */
async function runStep(name) {
  for (const command of STEPS[name]) {
    if (!existsSync(path.join(root, command[0]))) continue;
    const { status, output } = await node(command);
    if (status !== 0) {
      console.log(`${output.trim()}\n✗ ${name} failed: node ${command.join(' ')}`);
      return { passed: 0, failed: 1 };
    }
  }
  return { passed: 0, failed: 0 };
}

function node(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', (error) => resolve({ status: 1, output: error.message }));
    child.once('close', (status) => resolve({ status, output }));
  });
}

/** Nothing is skipped on a cluster; these files start what they are about (test/helpers/helpers.test.ts checks the list). */
function sayWhatHasItsOwn() {
  const files = JSON.parse(readFileSync(path.join(root, 'test/own-server.json'), 'utf8'));
  console.log('\nOn a Redis Cluster of three masters. With a Redis of their own:');
  for (const [file, why] of Object.entries(files)) console.log(`  ${file}  ${why}`);
}

/** CI counts what is skipped as failed. */
function sayIfNoBrowser(binary) {
  if (binary === null)
    console.log('Skipped: test/browser needs Chromium. Install it, or name one with CHROMIUM_BIN.');
}

const args = process.argv.slice(2);
const names = [...Object.keys(STEPS), 'test'];
let only = null;
if (args[0] === '--cluster') {
  args.shift();
  process.env.TEST_REDIS = 'cluster';
  only = 'test';
}
if (args[0] === '--only') {
  only = args[1];
  args.splice(0, 2);
  if (!names.includes(only)) {
    console.error(`--only one of: ${names.join(', ')}`);
    process.exit(64);
  }
}

// What takes a minute and little of the processors is begun first. The tests wait for it, and say it when it failed.
const testsAll = (only === null || only === 'test') && args.length === 0;
if (testsAll && process.env.PYTHON_TESTS !== 'off') void node(['scripts/lib/test-python.mjs']);

// The suite starts servers of its own and must never meet one that somebody uses.
delete process.env.REDIS_URL;
try {
  await setup({ build: false });
} catch (error) {
  console.log(`\n${error.message}\n\n0 passed, 1 failed`);
  process.exit(69);
}

// In the background as well; not before the Redis, which may come from the same package manager.
const browser = only === null || only === 'test' ? ensureChromium({ log: console.log }) : null;

// Tests of whole processes run what is in dist/; a build that fails is counted, the other tests still tell something.
const needed = only === 'test' && !isBuilt() ? ['build', 'test'] : [only];
const total = { passed: 0, failed: 0 };
if (process.env.TEST_REDIS === 'cluster') sayWhatHasItsOwn();

async function runNamed(name) {
  const startedMs = performance.now();
  if (name === 'test') console.log('\n── test');
  const { passed, failed } = name === 'test' ? await runJest(root, args) : await runStep(name);
  total.passed += passed;
  total.failed += failed;
  console.log(
    `${failed === 0 ? '✓' : '✗'} ${name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`,
  );
}

/** Checks that only read, two at a time: each uses one processor. */
async function runTogether(waiting) {
  const next = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await runNamed(name);
  };
  await Promise.all([next(), next()]);
}

const chosen = only ? needed : names;
// What is linted and checked includes what the build makes.
if (chosen.includes('build')) await runNamed('build');
await runTogether(chosen.filter((name) => name !== 'build' && name !== 'test'));
if (browser !== null) sayIfNoBrowser(await browser);
if (chosen.includes('test')) await runNamed('test');
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
