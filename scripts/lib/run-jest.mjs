/** Runs the suite and counts. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A suite that is done but does not end holds a socket or a timer open. */
const LINGER_MS = 30_000;

/** @returns {Promise<{passed: number, failed: number}>} tests; a crash or a skipped test under CI counts as failed */
export async function runJest(root, args) {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloud-node-jest-'));
  const outputFile = path.join(folder, 'results.json');
  try {
    const { code, lingered } = await run(root, args, outputFile);
    if (!existsSync(outputFile)) {
      console.log('✗ jest ended without results');
      return { passed: 0, failed: 1 };
    }
    return count(JSON.parse(readFileSync(outputFile, 'utf8')), { code, lingered });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(root, args, outputFile) {
  const jest = path.join(root, 'node_modules/jest/bin/jest.js');
  const options = [...args, '--json', `--outputFile=${outputFile}`, ...(process.env.CI ? ['--ci'] : [])];
  const NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings=ExperimentalWarning`;
  return new Promise((resolve) => {
    // jest reports on stderr; with --json its stdout would be the results, which the file has.
    const child = spawn(process.execPath, [jest, ...options], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: NODE_OPTIONS.trim() },
      stdio: ['ignore', 'ignore', 1],
    });
    let lingered = false;
    let doneAtMs = null;
    const watch = setInterval(() => {
      if (doneAtMs === null && existsSync(outputFile)) doneAtMs = performance.now();
      if (doneAtMs !== null && performance.now() - doneAtMs > LINGER_MS) {
        lingered = true;
        child.kill('SIGKILL');
      }
    }, 500);
    child.once('close', (code) => {
      clearInterval(watch);
      resolve({ code, lingered });
    });
  });
}

function count(results, { code, lingered }) {
  const passed = results.numPassedTests;
  let failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.testResults
    .flatMap((suite) => suite.assertionResults)
    .filter((test) => ['pending', 'todo', 'skipped', 'disabled'].includes(test.status));
  if (process.env.CI === 'true') {
    for (const test of skipped) console.log(`✗ skipped, which CI does not allow: ${test.fullName}`);
    failed += skipped.length;
  }
  if (lingered) {
    console.log(
      '✗ jest did not end by itself: something holds a socket, timer or child open (try --detectOpenHandles)',
    );
    failed += 1;
  } else if (code !== 0 && failed === 0) {
    console.log(`✗ jest failed (exit code ${code}) although no test did`);
    failed += 1;
  }
  return { passed, failed };
}
