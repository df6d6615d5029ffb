import type { Dice } from './dice.js';

const NUMBERS = [0, -0, -1, 1, 0.5, 255, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, -1e308, 5e-324, 1e21];
export const NASTY_TEXTS = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '..%2f..%2f',
  '%00',
  '\0',
  'a\0b',
  'a\r\nX-Injected: 1',
  '{~pool}',
  '{a}:b',
  '*',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'null',
  'NaN',
  '-1',
  '1e999',
  '\ud800',
  '\uffff\ufffe',
  '\u202e',
  '💥',
  "' OR 1=1 --",
  '<script>',
  '${7*7}',
  'http://169.254.169.254/latest/meta-data',
  'file:///etc/passwd',
  'a'.repeat(129),
  'a'.repeat(5_000),
  'é'.repeat(700),
] as const;
const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'extra',
  '',
  '0',
  'a'.repeat(300),
];

function junk(dice: Dice): unknown {
  switch (dice.below(9)) {
    case 0:
      return dice.pick(NUMBERS);
    case 1:
    case 2:
      return dice.pick(NASTY_TEXTS);
    case 3:
      return null;
    case 4:
      return dice.chance(0.5);
    case 5:
      return [];
    case 6:
      return {};
    case 7:
      return nested(dice.pick([5, 50, 99, 101, 2_000]), dice.chance(0.5));
    default:
      return Array.from({ length: dice.pick([1, 65, 1_000]) }, () => dice.pick(NUMBERS));
  }
}

/** `__proto__` as a field of its own, as JSON brings it. */
function withField(object: object, key: string, value: unknown): object {
  return Object.defineProperty({ ...object }, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function nested(depth: number, list: boolean): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = list ? [value] : { a: value };
  return value;
}

/** The value with one thing changed somewhere in it. */
export function mutateValue(value: unknown, dice: Dice): unknown {
  if (Array.isArray(value)) {
    const items = value as unknown[];
    if (items.length === 0 || dice.chance(0.3)) return mutateList(items, dice);
    const at = dice.below(items.length);
    return items.map((item, i) => (i === at ? mutateValue(item, dice) : item));
  }
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    if (keys.length === 0 || dice.chance(0.3)) return mutateObject(value, keys, dice);
    const key = dice.pick(keys);
    return withField(value, key, mutateValue((value as Record<string, unknown>)[key], dice));
  }
  if (typeof value === 'number' && dice.chance(0.5))
    return dice.pick([value + 1, value - 1, -value, value * 1e6, value + 0.5, String(value)]);
  if (typeof value === 'string' && dice.chance(0.4))
    return dice.pick([
      `${value} `,
      value.slice(1),
      value + value,
      `${value}\0`,
      `../${value}`,
      value.toUpperCase(),
    ]);
  return junk(dice);
}

function mutateList(items: unknown[], dice: Dice): unknown {
  const item = items.length === 0 ? junk(dice) : dice.pick(items);
  return dice.pick([
    [...items, junk(dice)],
    Array.from({ length: dice.pick([17, 65, 3_000]) }, () => item),
    items.slice(1),
    junk(dice),
  ]);
}

function mutateObject(object: object, keys: string[], dice: Dice): unknown {
  if (keys.length > 0 && dice.chance(0.4)) {
    const gone = dice.pick(keys);
    return Object.fromEntries(Object.entries(object).filter(([key]) => key !== gone));
  }
  return dice.chance(0.8) ? withField(object, dice.pick(KEYS), junk(dice)) : junk(dice);
}

/** The bytes with a few of them changed, cut off, or repeated. */
export function mutateBytes(bytes: Uint8Array, dice: Dice): Uint8Array {
  const at = dice.below(bytes.length + 1);
  switch (dice.below(5)) {
    case 0: {
      const flipped = Uint8Array.from(bytes);
      for (let left = 1 + dice.below(4); left > 0; left--) {
        const i = dice.below(flipped.length);
        flipped[i] = (flipped[i] ?? 0) ^ (1 << dice.below(8));
      }
      return flipped;
    }
    case 1:
      return bytes.slice(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([dice.below(256)]), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(dice.pick(NASTY_TEXTS)), bytes.subarray(at)]);
  }
}
