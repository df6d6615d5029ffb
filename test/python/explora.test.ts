import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { packageRoot } from '../../src/telemetry/package-root.js';
import { testPython } from '../helpers/python.js';
import { POOL_SECRET, startPool } from '../helpers/pool.js';

const python = await testPython();
const maybe = python === null ? test.skip : test;
const folder = path.join(packageRoot(), 'python');

maybe(
  'Explora for Python and a Library in Python at a live pool',
  async () => {
    const pool = await startPool({ roles: { gateway: 2, evaluator: 1 } });
    const { repoId, apiKey } = await pool.repo();
    const where = {
      urls: pool.gateways.map(({ url }) => url),
      pids: pool.gateways.map(({ child }) => child.pid),
      secret: POOL_SECRET,
      repo: repoId,
      key: apiKey,
    };
    const options = ['-m', 'pytest', '--rootdir', folder, '-c', path.join(folder, 'pyproject.toml')];
    const said = await python?.run([...options, path.join(folder, 'tests')], {
      PYTHONPATH: path.join(folder, 'src'),
      POOL: JSON.stringify(where),
    });
    expect(said).toMatch(/\d+ passed/);
    expect(said).not.toMatch(/\d+ (skipped|failed)/);
  },
  300_000,
);

maybe(
  'its types hold, and pip installs it',
  async () => {
    const config = ['--config-file', 'python/pyproject.toml', '--cache-dir', '.cloud-node/mypy'];
    const types = await python?.run(['-m', 'mypy', ...config, 'python/src', 'python/tests']);
    expect(types).toContain('Success');

    const scratch = await mkdtemp(path.join(tmpdir(), 'explora-python-'));
    try {
      // Building writes beside the sources.
      await cp(folder, path.join(scratch, 'source'), { recursive: true });
      const target = path.join(scratch, 'installed');
      const how = ['--quiet', '--no-deps', '--no-build-isolation', '--target', target];
      await python?.run(['-m', 'pip', 'install', ...how, path.join(scratch, 'source')]);
      expect(await readdir(path.join(target, 'cloud_node_explora'))).toContain('py.typed');
      const print = 'import cloud_node_explora as c; print(c.__file__, c.__version__)';
      const printed = await python?.run(['-c', print], { PYTHONPATH: target });
      const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
      expect(printed).toContain(target);
      expect(printed?.trim().endsWith(version)).toBe(true);
    } finally {
      await rm(scratch, { recursive: true });
    }
  },
  120_000,
);
