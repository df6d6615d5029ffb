import { InvalidArgumentError } from 'commander';
import { parseDuration } from './format.js';

/** For commander: reads a whole number in a range. */
export function wholeNumber(
  name: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`${name} takes a whole number ${range}.`);
  };
}

/** For commander: collects an option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** For commander: reads `90s`, `30m`, `12h`, `7d` as milliseconds. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new InvalidArgumentError('Use a time such as 90s, 30m, 12h or 7d.');
}

/** For commander: reads `784` or `28,28,1`; empty for a scalar. */
export function shape(text: string): readonly number[] {
  const parts = text === '' ? [] : text.split(/[,x]/);
  const sizes = parts.map(Number);
  if (sizes.every((size, at) => /^\d+$/.test(parts[at] ?? '') && size > 0)) return sizes;
  throw new InvalidArgumentError('Use whole numbers with commas, such as 784 or 28,28,1.');
}
