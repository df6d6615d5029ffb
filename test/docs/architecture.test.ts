import { expect, test } from '@jest/globals';
import { Keys } from '../../src/redis/keys.js';
import { readText, tableAfter } from './markdown.js';

const REF = {
  repoId: '<repoId>',
  sessionId: '<sessionId>',
  scope: '<scope>',
  shard: '<shard>',
  name: '<name>',
  round: '<round>',
  attempt: '<attempt>',
};

/** Key and doc comment of every public method of Keys, as the page shows them. */
function keysOfCode(): string[][] {
  const source = readText('src/redis/keys.ts');
  const methods: Readonly<Record<string, unknown>> = { ...new Keys('cn') };
  const documented = [...source.matchAll(/\/\*\* ([^\n]*) \*\/\n {2}(\w+) = \(([^)]*)\)/g)];
  return documented.map(([, meaning = '', name = '', parameters = '']) => {
    const args = parameters.split(/, (?![^{]*})/).map((parameter) => {
      const [parameterName = '', type = ''] = parameter.split(/: (.*)/);
      return type === 'string' ? `<${parameterName}>` : REF;
    });
    const key = methods[name] as (...args: unknown[]) => string;
    return [key(...args), meaning];
  });
}

test('docs/architecture.md lists every Redis key with its doc comment', () => {
  const inCode = keysOfCode();
  const methods = Object.keys(new Keys('cn')).filter(
    (name) => !['prefix', 'repo', 'session', 'attempt'].includes(name),
  );
  expect(inCode.length).toBe(methods.length);
  expect(tableAfter(readText('docs/architecture.md'), 'keys')).toEqual(inCode);
});
