#!/usr/bin/env node
/**
 * Builds the image, runs docker-compose.yml as it is on the Docker engine of this machine, and takes a session through
 * scaling and kills. Where there is no engine it says so and is done; with DOCKER_REQUIRED=true that is a failure. Not
 * part of `npm test`.
 *
 *   npm run test:compose [-- <options of jest>]
 */
import { spawnSync } from 'node:child_process';
import { setupOrExit } from './setup.mjs';

/** Where Compose is a program of its own, it is of the first generation. */
const COMPOSE = [['docker', 'compose'], ['docker-compose']];

const answers = (command, ...args) =>
  spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;

function missing() {
  if (!answers('docker', 'version')) return 'No Docker engine answers here (docker version)';
  const compose = COMPOSE.find(([command, ...args]) => answers(command, ...args, 'version'));
  if (compose === undefined) return 'There is an engine, but neither docker compose nor docker-compose';
  process.env.COMPOSE_COMMAND = compose.join(' ');
  return null;
}

const reason = missing();
if (reason !== null) {
  const required = process.env.DOCKER_REQUIRED === 'true';
  console.log(
    `${reason}: ${required ? 'DOCKER_REQUIRED asks for one.' : 'docker-compose.yml is not tried.'}`,
  );
  process.exit(required ? 1 : 0);
}
await setupOrExit({ redis: false, build: false });
const jest = [
  'node_modules/jest/bin/jest.js',
  '--config',
  'jest.compose.config.mjs',
  ...process.argv.slice(2),
];
const flags = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning'];
process.exit(spawnSync(process.execPath, [...flags, ...jest], { stdio: 'inherit' }).status ?? 1);
