/**
 * The Python of the tests, with Keras 2 and 3 and what else test/python/requirements.txt names: installs it in
 * `.cloud-node/python` unless it is there, or waits for whoever installs it. Zero dependencies: runs before `npm ci`.
 *
 *   node scripts/lib/test-python.mjs    prints the folder of its commands
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonWith } from './python-environment.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** It asks for a TensorFlow of 1.3 GB beside the one that is there. */
const ALONE = ['tf_keras==2.21.0'];

/** @returns {Promise<string>} the folder of its commands. Throws an Error that says why it could not be installed. */
export function ensureTestPython({ log = () => {} } = {}) {
  const requirements = path.join(root, 'test/python/requirements.txt');
  return pythonWith(requirements, { cache: path.join(root, '.cloud-node/python'), log, alone: ALONE });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await ensureTestPython({ log: (line) => console.error(line) }));
  } catch (error) {
    console.error(error.message);
    process.exit(69);
  }
}
