import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Gathered } from '../../src/redis/gathered.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('questions that come in one turn', () => {
  it('are answered together, each with its own answer, and those of the next turn after them', async () => {
    const gathered = new Gathered<string, string>();
    const commands: string[][] = [];
    const ask = (key: string, question: string): Promise<string> =>
      gathered.ask(key, question, async (all) => {
        commands.push([...all]);
        await turn();
        return all.map((one) => `${key}.${one}`);
      });
    const first = [ask('k', 'a'), ask('l', 'a'), ask('k', 'b'), Promise.resolve().then(() => ask('k', 'a'))];
    expect(await Promise.all(first)).toEqual(['k.a', 'l.a', 'k.b', 'k.a']);
    expect(await ask('k', 'c')).toBe('k.c');
    expect(commands).toEqual([['a', 'b', 'a'], ['a'], ['c']]);
  });

  it('are asked after the last of them came, so that nobody gets less than what was there when he asked', async () => {
    const steps = fc.array(fc.constantFrom('ask', 'change', 'turn'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const gathered = new Gathered<number, number>();
        let value = 0;
        const asked: { atLeast: number; got: Promise<number> }[] = [];
        const answer = (questions: readonly number[]): Promise<number[]> => {
          const seen = value;
          return turn().then(() => questions.map(() => seen));
        };
        for (const step of all) {
          if (step === 'change') value++;
          if (step === 'turn') await turn();
          if (step === 'ask') asked.push({ atLeast: value, got: gathered.ask('key', value, answer) });
        }
        for (const { atLeast, got } of asked) expect(await got).toBeGreaterThanOrEqual(atLeast);
      }),
    );
  });

  it('fail together, and are tried again by the next', async () => {
    const gathered = new Gathered<string, number>();
    const failing = (): Promise<number[]> => Promise.reject(new Error('no Redis'));
    const both = await Promise.allSettled([
      gathered.ask('a', 'x', failing),
      gathered.ask('a', 'y', () => Promise.resolve([2])),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await gathered.ask('a', 'x', () => Promise.resolve([1]))).toBe(1);
  });
});
