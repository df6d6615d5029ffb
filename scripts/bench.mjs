#!/usr/bin/env node
/**
 * Runs one of bench/.
 *
 *   npm run bench -- <name> [arguments]
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setupOrExit } from './setup.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [name, ...args] = process.argv.slice(2);
// Only files of the folder itself are benches; what they share is in folders below.
const names = readdirSync(path.join(root, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

if (!name || !names.includes(name)) {
  console.error(
    `${name ? `There is no bench "${name}". ` : ''}npm run bench -- <name>, one of: ${names.join(', ')}`,
  );
  process.exit(64);
}
// stdout is for results.
await setupOrExit({ quiet: true });
const file = path.join(root, 'dist/bench', `${name}.js`);
if (!existsSync(file)) throw new Error(`${file} is missing: npm run build`);
const bench = await import(pathToFileURL(file).href);
await bench.run(args);
