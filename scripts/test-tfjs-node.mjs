#!/usr/bin/env node
/**
 * Runs what trains and evaluates in the test suite on tfjs-node; where its library is not installed it says so and is
 * done. Not part of `npm test`: the library has 600 MB.
 *
 *   npm run tfjs-node && npm run test:tfjs-node
 */
import { spawnSync } from 'node:child_process';
import { build, isBuilt } from './build.mjs';

const FILES = ['test/library/tfjs-trainer', 'test/keras/read', 'test/cli/library'];
const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };

const probe = "process.exit(require('@tensorflow/tfjs-node').getBackend() === 'tensorflow' ? 0 : 1)";
if (spawnSync(process.execPath, ['-e', probe], { env }).status !== 0) {
  console.log('tfjs-node is not installed here (npm run tfjs-node): nothing is tested on it.');
  process.exit(0);
}
// Some of them start processes of the pool.
if (!isBuilt()) await build();
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', ...FILES];
process.exit(spawnSync(process.execPath, jest, { stdio: 'inherit', env }).status ?? 1);
