import { expect, it } from '@jest/globals';
import { withLifetime } from '../../src/cli/lifetime.js';
import { isolatedPoolEnv, poolEnv } from '../../src/cli/pool-env.js';
import { watchProcessListeners } from '../helpers/leaks.js';

it('ends what it owns in reverse order, whatever happens, and leaves no listeners', async () => {
  const assertNoLeaks = watchProcessListeners();
  const ended: string[] = [];
  const work = withLifetime(async ({ own }) => {
    const end = (name: string): void => void ended.push(name);
    await own(Promise.resolve('redis'), { end });
    const pool = own(Promise.resolve('pool'), {
      end: (name) => {
        end(name);
        throw new Error('the pool did not end');
      },
    });
    await own(Promise.reject(new Error('no Libraries')), { end: () => end('libraries') }).catch(() => pool);
    return 'done';
  });
  await expect(work).rejects.toThrow('the pool did not end');
  expect(ended).toEqual(['pool', 'redis']);
  await expect(withLifetime(async () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await withLifetime(async () => 7)).toBe(7);
  assertNoLeaks();
});

it('gives the children of a pool what fits them all', () => {
  const base = { PATH: '/bin', PORT: '1', METRICS_PORT: '2', HOST: '0.0.0.0', AUTH_SECRET_FILE: 'x' };
  expect(poolEnv(base, { REDIS_URL: 'r' })).toEqual({
    PATH: '/bin',
    HOST: '0.0.0.0',
    AUTH_SECRET_FILE: 'x',
    REDIS_URL: 'r',
  });
  expect(isolatedPoolEnv({ ...base, REDIS_PREFIX: 'p', LOG_LEVEL: 'warn' }, { REDIS_URL: 'r' })).toEqual({
    PATH: '/bin',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    REDIS_URL: 'r',
  });
});
