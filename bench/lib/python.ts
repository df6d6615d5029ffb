import { spawn } from 'node:child_process';
import path from 'node:path';
import { packageRoot } from '../../src/telemetry/package-root.js';

interface Environment {
  readonly cache: string;
  readonly log: (line: string) => void;
}

/** What scripts/lib/python-environment.mjs says: not compiled, because `npm test` needs it before it builds. */
export async function pythonWith(requirements: string, environment: Environment): Promise<string> {
  const script = path.join(packageRoot(), 'scripts/lib/python-environment.mjs');
  const module = (await import(script)) as { pythonWith: typeof pythonWith };
  return module.pythonWith(requirements, environment);
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
