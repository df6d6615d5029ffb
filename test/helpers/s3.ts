import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from '@jest/globals';
import type { BlobEnv } from '../../src/blobs/create-blob-store.js';
import { spawnNode, type NodeProcess } from './processes.js';

const BUCKET = 'pool-bytes';
const PREFIX = 'some/where';
const SUFFIX = '._S3rver_object';

export interface TestS3 {
  readonly process: NodeProcess;
  readonly port: number;
  /** What a process needs to use it; `port` for a proxy in between, `bucket` for another one. */
  env(options?: { port?: number; bucket?: string }): Record<keyof BlobEnv, string>;
  /** Keys of all objects, without the prefix of the bucket. */
  keys(): string[];
  /** Another server over the same files, at the same address. */
  restart(): Promise<void>;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A real S3 server as its own process; gone after the test file. */
export async function startS3(): Promise<TestS3> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cn-s3-'));
  folders.push(folder);
  const start = async (port: number): Promise<{ process: NodeProcess; port: number }> => {
    // Its continuation tokens are DES, which newer OpenSSL has only on demand.
    const args = ['--openssl-legacy-provider', 'test/helpers/s3rver.mjs', folder, BUCKET, String(port)];
    const process = spawnNode(args);
    return { process, ...(JSON.parse(await process.waitForLine(/"port"/, 20_000)) as { port: number }) };
  };
  let server = await start(0);
  return {
    get process() {
      return server.process;
    },
    port: server.port,
    env: ({ port = server.port, bucket = BUCKET } = {}) => ({
      BLOB_STORE: `s3://${bucket}/${PREFIX}?endpoint=http://127.0.0.1:${port}&region=eu-central-1`,
      S3_ACCESS_KEY_ID: 'S3RVER',
      S3_SECRET_ACCESS_KEY: 'S3RVER',
    }),
    keys: () => {
      const root = path.join(folder, BUCKET, PREFIX);
      const files = readdirSync(path.dirname(root), { recursive: true, encoding: 'utf8' });
      const inside = `${path.basename(PREFIX)}/`;
      return files
        .filter((file) => file.endsWith(SUFFIX) && file.startsWith(inside))
        .map((file) => file.slice(inside.length, -SUFFIX.length))
        .sort();
    },
    restart: async () => {
      await server.process.kill9();
      server = await start(server.port);
    },
  };
}
