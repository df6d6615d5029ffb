import { expect, test } from '@jest/globals';
import { envSchema, parseEnv } from '../../src/config/env.js';
import { readText, tableAfter } from './markdown.js';

test('docs/config.md lists every variable with its default and meaning', () => {
  const documented = tableAfter(readText('docs/config.md'), 'variables');
  const defaults = parseEnv({}) as Readonly<Record<string, string | number | boolean | undefined>>;
  const inCode = Object.entries(envSchema.shape).map(([name, { description }]) => {
    return [name, String(defaults[name] ?? '—'), description];
  });
  expect(documented).toEqual(inCode);
});

test('every variable has a meaning', () => {
  for (const field of Object.values(envSchema.shape)) expect(field.description).toMatch(/^[A-Z].*\.$/);
});
