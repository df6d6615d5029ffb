import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import { packageRoot } from '../../telemetry/package-root.js';

/** Where nothing was built there is no page, and its addresses are not found. */
const BUILT = path.join(packageRoot(), 'dist/dashboard');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Everything from this gateway, nothing inline, nothing framed; sockets of the same origin are `'self'` too. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface PageFile {
  readonly bytes: Buffer;
  gzipped(): Buffer;
  readonly type: string;
  readonly etag: string;
  /** Its name has the hash of its content. */
  readonly isImmutable: boolean;
}

/** The Dashboard's files, from memory: they are a few, small, and the same for everybody. */
export function dashboardPage(folder = BUILT): RequestHandler {
  const files = loadFiles(folder);
  return (req, res, next) => {
    const file = files.get(req.path.replace(/(?<=.)\/$/, ''));
    if (file === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) {
      next();
      return;
    }
    res.set({
      'Content-Security-Policy': POLICY,
      'Cache-Control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      ETag: file.etag,
      Vary: 'Accept-Encoding',
    });
    if (req.get('If-None-Match') === file.etag) {
      res.status(304).end();
      return;
    }
    res.setHeader('Content-Type', file.type);
    const isZipped = req.acceptsEncodings('gzip') === 'gzip';
    if (isZipped) res.set('Content-Encoding', 'gzip');
    const bytes = isZipped ? file.gzipped() : file.bytes;
    res.set('Content-Length', String(bytes.length));
    res.end(req.method === 'HEAD' ? undefined : bytes);
  };
}

function loadFiles(folder: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  if (!existsSync(path.join(folder, 'index.html'))) return files;
  const page = loadFile(path.join(folder, 'index.html'), false);
  files.set('/', page).set('/dashboard', page);
  const assets = path.join(folder, 'assets');
  for (const name of readdirSync(assets))
    files.set(`/dashboard/assets/${name}`, loadFile(path.join(assets, name), true));
  return files;
}

function loadFile(file: string, isImmutable: boolean): PageFile {
  const bytes = readFileSync(file);
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
  const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
  let zipped: Buffer | undefined;
  // Most gateways are never asked.
  return { bytes, gzipped: () => (zipped ??= gzipSync(bytes)), type, etag, isImmutable };
}
