import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SharedReads } from '../../src/redis/shared-reads.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('reads that many ask for', () => {
  it('are made once for all who ask in one turn, and again for who asks in the next', async () => {
    const reads = new SharedReads<number>();
    let loads = 0;
    const ask = (key: string): Promise<number> => reads.read(key, () => Promise.resolve(++loads));
    const first = [ask('a'), ask('a'), Promise.resolve().then(() => ask('a')), ask('b')];
    expect(await Promise.all(first)).toEqual([1, 1, 1, 2]);
    expect(await Promise.all([ask('a'), ask('a')])).toEqual([3, 3]);
  });

  it('begin after the last of them asked, so that nobody gets less than what was there when he asked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ask', 'change', 'turn'), { maxLength: 40 }),
        async (steps) => {
          const reads = new SharedReads<number>();
          let value = 0;
          const asked: { atLeast: number; got: Promise<number> }[] = [];
          for (const step of steps) {
            if (step === 'change') value++;
            if (step === 'turn') await turn();
            if (step !== 'ask') continue;
            // The answer is what was there when the read was sent, some time before it comes.
            const load = (): Promise<number> => {
              const seen = value;
              return turn().then(() => seen);
            };
            asked.push({ atLeast: value, got: reads.read('key', load) });
          }
          for (const { atLeast, got } of asked) expect(await got).toBeGreaterThanOrEqual(atLeast);
        },
      ),
    );
  });

  it('fail for all of them, and are tried again by the next', async () => {
    const reads = new SharedReads<number>();
    const failing = (): Promise<number> => Promise.reject(new Error('no Redis'));
    const both = await Promise.allSettled([reads.read('a', failing), reads.read('a', failing)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await reads.read('a', () => Promise.resolve(1))).toBe(1);
  });
});
