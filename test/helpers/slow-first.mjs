/**
 * The order of test files. On a machine that has not run them before, Jest knows no times and goes by size: a short file
 * that takes a minute would be the last, alone on its processor while the other has nothing to do.
 */
import Sequencer from '@jest/test-sequencer';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** What takes 15 s or more on two processors, the longest first. */
const SLOW = [
  'browser/tabs',
  'fault/chaos',
  'keras/with-keras',
  'python/explora',
  'e2e/crash',
  'fault/rolling-restart',
  'fault/pool-away',
  'e2e/object-store',
  'dashboard/pages',
  'dashboard/dashboard',
  'python/notebook',
  'legacy/legacy',
  'dashboard/models',
  'cli/library',
  'bench/bench',
  'security/fuzz',
  'fault/reconnection',
  'fault/leavers',
  'fault/herd',
  'browser/mnist',
  'e2e/session',
  'fault/redis-lost-writes',
  'browser/example',
  'fault/restore',
  'dashboard/many',
  'security/half-open',
  'fault/redis-cluster',
  'e2e/traces',
  'fault/redis-sentinel',
  'security/secure-session',
  'fault/scale-aggregators',
  'e2e/keras-thread',
  'browser/modules',
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
