import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SessionAliases } from '../../src/gateway/legacy/session-alias.js';
import { deltaOfGradients, deltaOfWeights, gradientsBetween } from '../../src/gateway/legacy/tensors.js';

const shape = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
const sizeOf = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);
const value = fc.float({ min: -1_000, max: 1_000, noNaN: true });

describe('tensors of old clients', () => {
  it('come back from the nested lists that are sent, whatever their shapes', () => {
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(value),
        (shapes, values) => {
          const tensors = shapes.map((dims, i) => ({
            name: `t${i}`,
            shape: dims,
            dtype: 'float32' as const,
          }));
          const count = shapes.reduce((sum, dims) => sum + sizeOf(dims), 0);
          const step = Float32Array.from({ length: count }, () => values.next().value ?? 0);
          const sent = gradientsBetween(step, new Float32Array(count), tensors);
          const delta = deltaOfGradients(JSON.parse(JSON.stringify(sent)), tensors);
          expect([...delta].map((x) => x + 0)).toEqual([...step].map((x) => 0 - x));
          const weights = deltaOfWeights([...step], new Float32Array(count));
          expect([...weights].map((x) => x + 0)).toEqual([...step].map((x) => x + 0));
        },
      ),
    );
  });

  it.each<[string, unknown]>([
    ['too few', [1]],
    ['too many', [1, 2, 3]],
    ['texts', [1, '2']],
    ['null, which is how JSON says NaN', [1, null]],
    ['numbers that f32 does not reach', [1, 1e39]],
    ['no list', { 0: 1, 1: 2 }],
    ['nothing', undefined],
  ])('are refused when they are %s', (_, weights) => {
    expect(() => deltaOfWeights(weights, new Float32Array(2))).toThrow(/^Error deserializing message: /);
  });
});

describe('what a Library is told as session', () => {
  const aliases = new SessionAliases('one secret');

  it('is read where the secret is the same, and new each time', () => {
    const alias = aliases.make('re.po', 's-1');
    expect(new SessionAliases('one secret').read(alias)).toEqual({ repoId: 're.po', sessionId: 's-1' });
    expect(aliases.make('re.po', 's-1')).not.toBe(alias);
  });

  it('is worth nothing when it was changed, or made with another secret', () => {
    const alias = aliases.make('repo', 's-1');
    expect(new SessionAliases('another').read(alias)).toBeNull();
    expect(new SessionAliases(null).read(alias)).toBeNull();
    for (let i = 0; i < alias.length; i++) {
      const other = alias[i] === 'a' ? 'b' : 'a';
      const changed = `${alias.slice(0, i)}${other}${alias.slice(i + 1)}`;
      // The last character of 22 holds two bits that say nothing.
      if (i < alias.length - 1) expect(aliases.read(changed)).toBeNull();
    }
  });
});
