/**
 * Finds a Chromium (or Chrome) for the tests of the browser Library, or installs Debian's.
 *
 *   node scripts/lib/chromium-binary.mjs    prints the path of the binary
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { has, isExecutable, onPath } from './on-path.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** The path of a browser, or null. `CHROMIUM_BIN` names one. */
export function findChromium(env = process.env) {
  if (env.CHROMIUM_BIN) return env.CHROMIUM_BIN;
  return [...onPath(NAMES, env), MAC].find(isExecutable) ?? null;
}

/** Finds one or installs one where root may; else null: whoever only wants the rest of the tests need not have it. */
export async function ensureChromium({ log = () => {}, env = process.env } = {}) {
  const found = findChromium(env);
  if (found !== null || process.getuid?.() !== 0 || !has('apt-get', env)) return found;
  log('Installing chromium (apt-get) …');
  try {
    const apt = (...args) =>
      promisify(execFile)('apt-get', args, {
        timeout: 480_000,
        maxBuffer: 64 * 2 ** 20,
        env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    await apt('-q', 'update');
    await apt('install', '-q', '-y', '--no-install-recommends', 'chromium');
  } catch (error) {
    log(`  that did not work: ${error.message}`);
  }
  return findChromium(env);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const binary = await ensureChromium({ log: (line) => console.error(line) });
  if (binary === null) {
    console.error('No Chromium here and none could be installed. Name a binary with CHROMIUM_BIN.');
    process.exit(69);
  }
  console.log(binary);
}
