import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
// @ts-expect-error a plain script
import { ensureTestPython } from '../../scripts/lib/test-python.mjs';
import { packageRoot } from '../../src/telemetry/package-root.js';

export interface Python {
  /** Runs a file or module to its end; throws what it said when it fails. @returns its stdout */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  readonly command: string;
}

const root = packageRoot();
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/**
 * The Python of the tests (scripts/lib/test-python.mjs), once it is installed: a run of the whole suite began with that.
 * Null, and a line that says why, where that is not possible; in CI it must be, unless PYTHON_TESTS=off says that this
 * run goes without.
 */
export async function testPython(): Promise<Python | null> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  if (process.env['PYTHON_TESTS'] === 'off') {
    say('skipped, because PYTHON_TESTS=off: what needs a Python with Keras');
    return null;
  }
  try {
    const bin = (await ensureTestPython({ log: say })) as string;
    return pythonAt(path.join(bin, 'python'));
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    say(`skipped, because no Python with Keras could be set up: ${(error as Error).message.slice(0, 500)}`);
    return null;
  }
}

function pythonAt(command: string): Python {
  return {
    command,
    run: async (args, env = {}) => {
      const { stdout } = await promisify(execFile)(command, [...args], {
        cwd: root,
        env: pythonEnv(env),
        maxBuffer: MAX_OUTPUT_BYTES,
      }).catch((error: Error & { stdout?: string; stderr?: string }) => {
        throw new Error(`${error.stdout ?? ''}\n${error.stderr ?? ''}`.slice(-8_000) || error.message);
      });
      return stdout;
    },
  };
}

/** On the CPU, without files of its own beside the sources, and quiet. TensorFlow compiled anew takes 8 s a process. */
export function pythonEnv(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CUDA_VISIBLE_DEVICES: '',
    TF_CPP_MIN_LOG_LEVEL: '3',
    TF_ENABLE_ONEDNN_OPTS: '0',
    PYTHONDONTWRITEBYTECODE: '',
    PYTHONPYCACHEPREFIX: path.join(root, '.cloud-node/python/venv/bytecode'),
    ...own,
  };
}
