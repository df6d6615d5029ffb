import { describe, expect, test } from '@jest/globals';
import { readText, tableAfter } from '../docs/markdown.js';

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}
interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const { dependencies, optionalDependencies } = JSON.parse(readText('package.json')) as Manifest;
const lock = JSON.parse(readText('package-lock.json')) as { packages: Record<string, Locked> };
const production = Object.entries(lock.packages).filter(([at, { dev }]) => at !== '' && dev !== true);

/** Those that every deployment has; more is a decision, not an accident. */
const MAX_PACKAGES = 235;

describe('production dependencies', () => {
  test('are the ones of which the docs say what they are for', () => {
    const rows = tableAfter(readText('docs/security-audit.md'), 'dependencies');
    const named = rows.map(([name]) => name);
    expect(named.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(optionalDependencies)].sort());
    for (const [, purpose] of rows) expect(purpose).not.toBe('');
  });

  test('are pinned', () => {
    for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies }))
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });

  test('are few, with all that they need themselves', () => {
    const required = production.filter(([, { optional }]) => optional !== true);
    expect(required.length).toBeGreaterThan(50);
    expect(required.length).toBeLessThanOrEqual(MAX_PACKAGES);
  });

  test('come from the registry of whoever installs them, each with its hash', () => {
    for (const [at, { resolved, integrity }] of production) {
      // No address of a repository or an archive.
      expect([at, resolved]).toEqual([at, undefined]);
      expect([at, integrity]).toEqual([at, expect.stringMatching(/^sha512-/)]);
    }
  });

  test('run nothing when they are installed, but for three that are optional', () => {
    const scripts = production.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(scripts.map(([at]) => at).sort()).toEqual(
      ['@tensorflow/tfjs-node', 'core-js', 'msgpackr-extract'].map((name) => `node_modules/${name}`),
    );
    expect(scripts.every(([, { optional }]) => optional)).toBe(true);
  });
});
