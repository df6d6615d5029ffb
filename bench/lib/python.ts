import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const OLDEST_MINOR = 11;
const LOOK_AGAIN_MS = 250;
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

interface Environment {
  /** Keeps it between runs. */
  readonly cache: string;
  readonly log: (line: string) => void;
  /** Packages of which pip is to install nothing but themselves. */
  readonly alone?: readonly string[];
}

/**
 * Makes a virtual environment with exactly what `requirements` (a file) pins, once for each content of that file, also
 * when several processes ask at once.
 *
 * @returns the folder of its commands. Throws an Error of one line when there is no Python or pip fails.
 */
export async function pythonWith(requirements: string, environment: Environment): Promise<string> {
  const { cache, alone = [] } = environment;
  const python = findPython();
  const folder = path.join(cache, 'venv');
  const stamp = path.join(folder, '.requirements');
  const wanted = [python.version, readFileSync(requirements, 'utf8'), ...alone].join('\n');
  const bin = path.join(folder, 'bin');
  const isThere = (): boolean => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  mkdirSync(cache, { recursive: true });
  const unlock = await lock(path.join(cache, 'venv.lock'));
  try {
    if (isThere()) return bin;
    environment.log(`Installing ${path.basename(requirements)} for Python ${python.version} …`);
    rmSync(folder, { recursive: true, force: true });
    await finish(python.command, ['-m', 'venv', folder]);
    const install = ['-m', 'pip', 'install', '--quiet', '--no-compile'];
    await finish(path.join(bin, 'python'), [...install, '-r', requirements]);
    if (alone.length > 0) await finish(path.join(bin, 'python'), [...install, '--no-deps', ...alone]);
    writeFileSync(stamp, wanted);
    return bin;
  } finally {
    unlock();
  }
}

/** A file with the holder's process id; one whose holder is gone counts as free. @returns how to let go */
async function lock(file: string): Promise<() => void> {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isStale(file)) rmSync(file, { force: true });
    else await sleep(LOOK_AGAIN_MS);
  }
}

function isStale(file: string): boolean {
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

function findPython(): { command: string; version: string } {
  for (const command of CANDIDATES) {
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    const [, version, minor] = /^Python (3\.(\d+)\.\S+)/.exec(stdout ?? '') ?? [];
    if (version && Number(minor) >= OLDEST_MINOR) return { command, version };
  }
  throw new Error(`There is no Python 3.${OLDEST_MINOR} or later.`);
}

/** Runs a command to its end and returns its stdout. Throws what it wrote to stderr when it fails. */
export async function finish(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`${path.basename(command)} ${args.join(' ')} failed: ${errors.trim()}`);
  return output;
}
