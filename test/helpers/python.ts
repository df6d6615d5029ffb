import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { pythonWith } from '../../bench/lib/python.js';
import { packageRoot } from '../../src/cli/package-root.js';

export interface Python {
  /** Runs a file or module to its end; throws what it said when it fails. @returns its stdout */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  readonly command: string;
}

const root = packageRoot();
/** It asks for a TensorFlow of 1.3 GB beside the one that is there. */
const ALONE = ['tf_keras==2.21.0'];
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/**
 * A Python with Keras 2 and 3 and what else test/python/requirements.txt names: installed by the first test that asks,
 * kept in `.cloud-node/python`. Null, and a line that says why, where that is not possible; in CI it must be, unless
 * PYTHON_TESTS=off says that this run goes without.
 */
export async function testPython(): Promise<Python | null> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  if (process.env['PYTHON_TESTS'] === 'off') {
    say('skipped, because PYTHON_TESTS=off: what needs a Python with Keras');
    return null;
  }
  try {
    const requirements = path.join(root, 'test/python/requirements.txt');
    const cache = path.join(root, '.cloud-node/python');
    const bin = await pythonWith(requirements, { cache, log: say, alone: ALONE });
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

/** On the CPU, without files of its own beside the sources, and quiet. */
export function pythonEnv(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CUDA_VISIBLE_DEVICES: '',
    TF_CPP_MIN_LOG_LEVEL: '3',
    TF_ENABLE_ONEDNN_OPTS: '0',
    PYTHONDONTWRITEBYTECODE: '1',
    ...own,
  };
}
