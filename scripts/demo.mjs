#!/usr/bin/env node
/**
 * From a bare clone to a running federation: does the set-up, then `cloud-node demo` with the same arguments.
 *
 *   npm run demo -- --help
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setupOrExit } from './setup.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);

await setupOrExit({ quiet: args.includes('--json') });

// In this process, not in a child: Ctrl-C reaches the demo once, and its exit code is ours.
process.argv = [process.execPath, path.join(root, 'bin/cloud-node.mjs'), 'demo', ...args];
await import('../bin/cloud-node.mjs');
