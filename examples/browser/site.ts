import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

export interface SiteOptions {
  /** The folder with package.json, so that the built Library and TensorFlow.js are found. */
  readonly root: string;
  /** Pages of its own, by path, e.g. `/config.json`. */
  readonly extra?: Readonly<Record<string, () => Page | Promise<Page>>>;
  /** Default: a free one. */
  readonly port?: number;
}

export interface Page {
  readonly type: string;
  readonly body: string | Uint8Array;
}

export interface Site {
  readonly url: string;
  close(): void;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.map': 'application/json',
};
const TF_PACKAGES = ['core', 'layers', 'backend-cpu', 'backend-wasm', 'backend-webgl', 'backend-webgpu'];
/** A file name and nothing else: no way up. */
const FILE = /^[\w-]+(\.[\w-]+)+$/;

/** Serves the example: its page at `/`, the built Library below `/library/`, TensorFlow.js below `/tf/`. Nothing else. */
export async function startSite({ root, extra = {}, port = 0 }: SiteOptions): Promise<Site> {
  const require = createRequire(path.join(root, 'package.json'));
  const folders = {
    '': [path.join(root, 'examples/browser/page')],
    library: [path.join(root, 'dist/library')],
    tf: TF_PACKAGES.map((name) => path.dirname(require.resolve(`@tensorflow/tfjs-${name}`))),
  };
  const find = async (url: string): Promise<Page | null> => {
    const own = extra[url];
    if (own !== undefined) return own();
    const [, folder = '', file = 'index.html'] = /^\/(?:(library|tf)\/)?(.+)?$/.exec(url) ?? [];
    const type = TYPES[path.extname(file)];
    if (!FILE.test(file) || type === undefined) return null;
    for (const place of folders[folder as keyof typeof folders]) {
      const body = await readFile(path.join(place, file)).catch(() => null);
      if (body !== null) return { type, body };
    }
    return null;
  };
  const answer = async (url: string, response: ServerResponse): Promise<void> => {
    const page = await find(url.split('?')[0] ?? '/').catch(() => null);
    if (page === null) return void response.writeHead(404).end('There is no such page.');
    response.writeHead(200, { 'content-type': page.type, 'cache-control': 'no-cache' }).end(page.body);
  };
  const server = createServer((request, response) => void answer(request.url ?? '/', response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
