import { readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from './package-root.js';

const manifest = readFileSync(path.join(packageRoot(), 'package.json'), 'utf8');

/** Version of this package. */
export const PACKAGE_VERSION = (JSON.parse(manifest) as { version: string }).version;
