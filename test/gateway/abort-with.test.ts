import { getEventListeners } from 'node:events';
import { expect, it } from '@jest/globals';
import { abortWith } from '../../src/protocol/abort-with.js';

it('aborts with what outlives it, and leaves no trace at that once it was let go of', () => {
  const pool = new AbortController();
  const before = Object.getOwnPropertySymbols(pool.signal).length;
  const [first, second] = [new AbortController(), new AbortController()];
  const letGo = abortWith(first, pool.signal);
  abortWith(second, pool.signal);
  letGo();
  expect(getEventListeners(pool.signal, 'abort')).toHaveLength(1);
  expect(Object.getOwnPropertySymbols(pool.signal)).toHaveLength(before);
  pool.abort(new Error('over'));
  expect([first.signal.aborted, second.signal.aborted]).toEqual([false, true]);
  expect(second.signal.reason).toEqual(new Error('over'));
  const late = new AbortController();
  abortWith(late, pool.signal);
  expect(late.signal.aborted).toBe(true);
});
