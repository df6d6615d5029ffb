import { expect, test } from '@jest/globals';
import { FewAtOnce } from '../../src/gateway/service/few-at-once.js';

interface Held {
  readonly done: Promise<string>;
  end(): void;
}

function hold(few: FewAtOnce, repoId: string): Held {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { done: few.run(repoId, () => ended.then(() => repoId)), end: () => end() };
}

const busy = { code: 'gateway_busy', status: 503, retryAfterMs: 2_000 };

test('one of a Repo and two in all; who is too many is told when to come back', async () => {
  const few = new FewAtOnce({ total: 2, perRepo: 1 });
  const a = hold(few, 'a');
  await expect(hold(few, 'a').done).rejects.toMatchObject(busy);
  const b = hold(few, 'b');
  await expect(hold(few, 'c').done).rejects.toMatchObject(busy);
  a.end();
  expect(await a.done).toBe('a');
  const c = hold(few, 'c');
  c.end();
  expect(await c.done).toBe('c');
  b.end();
  await b.done;
});

test('work that fails makes room as well', async () => {
  const few = new FewAtOnce({ total: 1, perRepo: 1 });
  await expect(few.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await few.run('b', () => Promise.resolve('done'))).toBe('done');
});
