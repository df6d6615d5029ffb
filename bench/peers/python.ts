import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const OLDEST_MINOR = 11;
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

/**
 * Makes a virtual environment with exactly what `requirements` (a file) pins, once for each content of that file.
 *
 * @returns the folder of its commands. Throws an Error of one line when there is no Python or pip fails.
 */
export async function pythonWith(
  requirements: string,
  { cache, log }: { cache: string; log: (line: string) => void },
): Promise<string> {
  const python = findPython();
  const folder = path.join(cache, 'venv');
  const stamp = path.join(folder, '.requirements');
  const wanted = `${python.version}\n${readFileSync(requirements, 'utf8')}`;
  const bin = path.join(folder, 'bin');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return bin;

  log(`Installing ${path.basename(requirements)} for Python ${python.version} …`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  await finish(python.command, ['-m', 'venv', folder]);
  await finish(path.join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
  writeFileSync(stamp, wanted);
  return bin;
}

function findPython(): { command: string; version: string } {
  for (const command of CANDIDATES) {
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    const [, version, minor] = /^Python (3\.(\d+)\.\S+)/.exec(stdout ?? '') ?? [];
    if (version && Number(minor) >= OLDEST_MINOR) return { command, version };
  }
  throw new Error(`This bench needs Python 3.${OLDEST_MINOR} or later, which Flower asks for.`);
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
