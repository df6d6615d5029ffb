import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { parseRecord } from '../../src/redis/parse-record.js';

const schema = z.object({ id: z.number(), text: z.string() });
const textOf = (id: number, length = 10): string => JSON.stringify({ id, text: 'x'.repeat(length) });
const isKept = (text: string): boolean => {
  const one = parseRecord(schema, text);
  return one === parseRecord(schema, text);
};

describe('records read from the store', () => {
  it('gives the same frozen value for the same text', () => {
    const record = parseRecord(schema, textOf(1));
    expect(record).toEqual({ id: 1, text: 'xxxxxxxxxx' });
    expect(Object.isFrozen(record)).toBe(true);
    expect(parseRecord(schema, textOf(1))).toBe(record);
    expect(parseRecord(schema, textOf(2))).not.toBe(record);
  });

  it('keeps those that were asked for last, in bounded memory however large they are', () => {
    const oftenAsked = parseRecord(schema, textOf(3));
    const first = parseRecord(schema, textOf(4, 10_000));
    for (let id = 5; id < 60; id++) {
      parseRecord(schema, textOf(id, 10_000));
      expect(parseRecord(schema, textOf(3))).toBe(oftenAsked);
    }
    expect(parseRecord(schema, textOf(4, 10_000))).not.toBe(first);
  });

  it('keeps the newest even if it is larger than all that is kept', () => {
    expect(isKept(textOf(61, 2 ** 20))).toBe(true);
    const small = parseRecord(schema, textOf(62));
    parseRecord(schema, textOf(63));
    expect(parseRecord(schema, textOf(62))).toBe(small);
  });
});
