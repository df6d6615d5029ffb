/** Virtual environments of Python with exactly the packages that a file names. Zero dependencies: runs before `npm ci`. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const OLDEST_MINOR = 11;
const LOOK_AGAIN_MS = 250;
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

/**
 * Makes a virtual environment with exactly what `requirements` (a file) pins, once for each content of that file, also
 * when several processes ask at once.
 *
 * @param options.cache  the folder that keeps it between runs
 * @param options.alone  packages of which pip is to install nothing but themselves
 * @returns {Promise<string>} the folder of its commands. Throws an Error when there is no Python or pip fails.
 */
export async function pythonWith(requirements, { cache, log = () => {}, alone = [] }) {
  const python = findPython();
  const folder = path.join(cache, 'venv');
  const stamp = path.join(folder, '.requirements');
  const wanted = [python.version, readFileSync(requirements, 'utf8'), ...alone].join('\n');
  const bin = path.join(folder, 'bin');
  const isThere = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  mkdirSync(cache, { recursive: true });
  const unlock = await lock(path.join(cache, 'venv.lock'));
  try {
    if (isThere()) return bin;
    log(`Installing ${path.basename(requirements)} for Python ${python.version} …`);
    rmSync(folder, { recursive: true, force: true });
    await run(python.command, ['-m', 'venv', folder]);
    const install = ['-m', 'pip', 'install', '--quiet', '--no-compile'];
    await run(path.join(bin, 'python'), [...install, '-r', requirements]);
    if (alone.length > 0) await run(path.join(bin, 'python'), [...install, '--no-deps', ...alone]);
    writeFileSync(stamp, wanted);
    return bin;
  } finally {
    unlock();
  }
}

/** A file with the holder's process id; one whose holder is gone counts as free. @returns how to let go */
async function lock(file) {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(file)) rmSync(file, { force: true });
    else await sleep(LOOK_AGAIN_MS);
  }
}

function isStale(file) {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    // Just made, and not written yet.
    if (holder === 0) return false;
    process.kill(holder, 0);
    return false;
  } catch {
    return true;
  }
}

function findPython() {
  for (const command of CANDIDATES) {
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    const [, version, minor] = /^Python (3\.(\d+)\.\S+)/.exec(stdout ?? '') ?? [];
    if (version && Number(minor) >= OLDEST_MINOR) return { command, version };
  }
  throw new Error(`There is no Python 3.${OLDEST_MINOR} or later.`);
}

async function run(command, args) {
  await promisify(execFile)(command, args).catch((error) => {
    const said = (error.stderr || error.message).trim();
    throw new Error(`${path.basename(command)} ${args.join(' ')} failed: ${said}`);
  });
}
