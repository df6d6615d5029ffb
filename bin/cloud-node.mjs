#!/usr/bin/env node
/** The `cloud-node` command: starts the bundle that the build made of src/cli/main.ts. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/bundle/main.js', import.meta.url);
if (!existsSync(main)) {
  console.error('cloud-node is not built yet. Run: npm run setup');
  process.exit(69);
}
await import(main.href);
