import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { freePorts } from '../../bench/lib/process.js';
import { packageRoot } from '../../src/telemetry/package-root.js';
import { spawnNode } from '../helpers/processes.js';
import { testPython } from '../helpers/python.js';

const python = await testPython();

(python === null ? test.skip : test)(
  'the notebook runs from top to bottom, and Keras finds the accuracy that the pool reported',
  async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'cn-notebook-'));
    const [port = 0] = await freePorts(1);
    const env = { CLOUD_NODE_DATA_DIR: dataDir, REDIS_URL: '' };
    const up = spawnNode(['bin/cloud-node.mjs', 'up', '--port', String(port)], { env });
    try {
      await up.waitForLine(/The pool is ready/, 60_000);
      const printed = await python?.run(['test/python/run_notebook.py', 'examples/notebook/mnist.ipynb'], {
        ...env,
        PYTHONPATH: path.join(packageRoot(), 'python/src'),
      });
      const { keras, pool } = JSON.parse(printed ?? '') as Record<string, number>;
      expect(keras).toBeGreaterThan(0.85);
      expect(Math.abs((keras ?? NaN) - (pool ?? NaN))).toBeLessThan(1e-4);
    } finally {
      await up.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  300_000,
);
