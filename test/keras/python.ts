import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { FOLDER } from './fixtures.js';

/**
 * A Python that has Keras 2 and 3: what KERAS_PYTHON names, else the virtual environment that CONTRIBUTING.md says how
 * to make.
 */
export function findPython(): string | null {
  const usual = path.join(os.tmpdir(), 'cloud-node-keras', 'bin', 'python');
  const python = process.env['KERAS_PYTHON'] ?? (existsSync(usual) ? usual : null);
  if (python === null) return null;
  const found = spawnSync(python, [
    '-c',
    'import importlib.util as u, sys; sys.exit(not (u.find_spec("keras") and u.find_spec("tf_keras")))',
  ]);
  return found.status === 0 ? python : null;
}

/** Says why the check with Keras does not run; null: it does. A check that CI leaves out without being told so fails. */
export function whyNotChecked(python: string | null): string | null {
  if (python !== null) return null;
  if (process.env['CI'] === 'true' && process.env['KERAS_CHECK'] !== 'off')
    throw new Error(
      'No Python with Keras: set KERAS_PYTHON, or KERAS_CHECK=off when this run is not to check it.',
    );
  return 'written models are not loaded in Keras: no Python with Keras (CONTRIBUTING.md says how to get one)';
}

export async function runPython<T>(python: string, script: string, args: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(python, [path.join(FOLDER, script), ...args], {
    maxBuffer: 64 * 2 ** 20,
    env: { ...process.env, CUDA_VISIBLE_DEVICES: '' },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
}
