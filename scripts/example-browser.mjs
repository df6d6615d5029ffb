#!/usr/bin/env node
/**
 * Serves examples/browser.
 *
 *   API_KEY=cnk_… npm run example:browser
 */
import { setupOrExit } from './setup.mjs';

await setupOrExit({ redis: false });
const { run } = await import('../dist/examples/browser/main.js');
await run().catch((error) => {
  console.error(error.message);
  process.exitCode = 64;
});
