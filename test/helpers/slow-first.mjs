/**
 * The order of test files. On a machine that has not run them before, Jest knows no times and goes by size: a short file
 * that takes a minute would be the last, alone on its processor while the other has nothing to do.
 */
import Sequencer from '@jest/test-sequencer';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** What takes 15 s or more on two processors, the longest first. */
const SLOW = [
  'cli/library',
  'browser/tabs',
  'fault/chaos',
  'keras/with-keras',
  'e2e/object-store',
  'e2e/crash',
  'dashboard/pages',
  'dashboard/dashboard',
  'dashboard/models',
  'python/explora',
  'fault/redis-lost-writes',
  'fault/rolling-restart',
  'bench/bench',
  'e2e/session',
  'legacy/legacy',
  'browser/mnist',
  'security/fuzz',
  'browser/example',
  'python/notebook',
  'e2e/traces',
  'fault/herd',
  'dashboard/many',
  'fault/redis-cluster',
  'fault/redis-sentinel',
  'security/half-open',
  'e2e/keras-thread',
  'fault/reconnection',
  'browser/modules',
  'security/secure-session',
  'fault/leavers',
  'fault/restore',
].map((name) => path.resolve(import.meta.dirname, '..', `${name}.test.ts`));

const gone = SLOW.filter((file) => !existsSync(file));
if (gone.length > 0)
  throw new Error(`test/helpers/slow-first.mjs names what is not there: ${gone.join(', ')}`);

export default class SlowFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path: file }) => (SLOW.includes(file) ? SLOW.indexOf(file) : SLOW.length);
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
}
