import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from '@jest/globals';
import { SECRET } from '../helpers/gateway.js';
import { uniqueId } from '../helpers/namespace.js';
import { spawnNode } from '../helpers/processes.js';
import { defaultServer, serverEnv } from '../helpers/servers.js';

const MAX_FILES = 80;
/** Looking for them in folders is what a start must not be spent on. */
const UNBUNDLED = [
  'msgpackr-extract',
  'node-gyp-build-optional-packages',
  '@msgpackr-extract',
  'detect-libc',
];
/** Needed for what not every process does, and some of them are larger than all the rest. */
const LATER = [
  /^@opentelemetry\/(?!api$)/,
  /^@aws-sdk\//,
  /^@smithy\//,
  /^@tensorflow\//,
  /^h5wasm$/,
  /^socket\.io-client$/,
];
const OF_GATEWAYS = [/^express$/, /^socket\.io$/, /^jose$/, /^ws$/, /^helmet$/];

const ROLES = [
  { role: 'gateway', later: LATER },
  { role: 'coordinator', later: [...LATER, ...OF_GATEWAYS] },
  { role: 'aggregator', later: [...LATER, ...OF_GATEWAYS] },
  { role: 'evaluator', later: [...LATER, ...OF_GATEWAYS] },
  { role: 'all-in-one', later: LATER },
];

describe('a process of the pool that has nothing to do yet', () => {
  test.each(ROLES)('has loaded little as $role', async ({ role, later }) => {
    const { loaded, threads } = await start(role);
    expect(loaded.length).toBeLessThan(MAX_FILES);
    const outside = loaded.map(packageAt).filter((name) => name !== null && !UNBUNDLED.includes(name));
    expect(outside).toEqual([]);
    const packages = loaded.flatMap(packagesIn);
    expect(packages).toContain('bullmq');
    expect(packages.filter((name) => later.some((pattern) => pattern.test(name)))).toEqual([]);
    expect(threads).toBe(0);
  });

  it('has loaded what traces need when there is somebody to send them to', async () => {
    const { loaded } = await start('coordinator', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect(loaded.flatMap(packagesIn)).toContain('@opentelemetry/sdk-trace-base');
  });
});

async function start(
  role: string,
  env: Record<string, string> = {},
): Promise<{ loaded: string[]; threads: number }> {
  const node = spawnNode(['--import', './test/helpers/loaded-scripts.mjs', 'bin/cloud-node.mjs', role], {
    env: {
      ...serverEnv(defaultServer()),
      REDIS_PREFIX: uniqueId('s'),
      AUTH_SECRET: SECRET,
      HOST: '127.0.0.1',
      PORT: '0',
      METRICS_PORT: '0',
      ...env,
    },
  });
  await node.waitForLine(/"ready":true/, 20_000);
  node.child.kill('SIGUSR2');
  const line = await node.waitForLine(/^\{"loaded":/);
  await node.stop();
  return JSON.parse(line) as { loaded: string[]; threads: number };
}

/** The package that a file is of, in the folder that packages are installed in. */
function packageAt(file: string): string | null {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? null;
}

/** The packages that a file of the bundle is made of. */
function packagesIn(file: string): string[] {
  const map = `${fileURLToPath(file)}.map`;
  if (!existsSync(map)) return [];
  const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] };
  return [...new Set(sources.flatMap((source) => packageAt(source) ?? []))];
}
