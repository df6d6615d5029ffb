import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const NOWHERE = 'unix:///nonexistent/docker.sock';

const testCompose = (env: Record<string, string>): { status: number | null; stdout: string } => {
  const { DOCKER_REQUIRED: _, ...inherited } = process.env;
  return spawnSync(process.execPath, ['scripts/test-compose.mjs'], {
    env: { ...inherited, DOCKER_HOST: NOWHERE, ...env },
    encoding: 'utf8',
  });
};

test('npm run test:compose says so where there is no engine', () => {
  const { status, stdout } = testCompose({});
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: 'No Docker engine answers here (docker version): docker-compose.yml is not tried.\n',
  });
});

test('npm run test:compose fails without an engine where one is required', () => {
  const { status, stdout } = testCompose({ DOCKER_REQUIRED: 'true' });
  expect({ status, stdout }).toEqual({
    status: 1,
    stdout: 'No Docker engine answers here (docker version): DOCKER_REQUIRED asks for one.\n',
  });
});
