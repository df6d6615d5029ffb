import { describe, expect, it } from '@jest/globals';
import { MNIST_CLASSES, MNIST_PIXELS, readMnist, readMnistDigits } from '../../src/cli/demo/mnist.js';
import { TWO_NN_PARAMS, twoNn } from '../../src/cli/demo/two-nn.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';

describe('MNIST', () => {
  it('has 60,000 and 10,000 digits, about a tenth of each', () => {
    for (const [set, count] of [
      ['train', 60_000],
      ['test', 10_000],
    ] as const) {
      const digits = readMnistDigits(set);
      expect(digits).toHaveLength(count);
      for (let digit = 0; digit < MNIST_CLASSES; digit++) {
        const share = digits.filter((d) => d === digit).length / count;
        expect(share).toBeGreaterThan(0.085);
        expect(share).toBeLessThan(0.115);
      }
    }
  });

  it('reads chosen rows: pixels in 0 … 1, one-hot labels', () => {
    const digits = readMnistDigits('test');
    const { numExamples, inputs, labels } = readMnist('test', [9_999, 0, 5]);
    expect(numExamples).toBe(3);
    expect(inputs).toHaveLength(3 * MNIST_PIXELS);
    expect(Math.max(...inputs)).toBeLessThanOrEqual(1);
    expect(Math.max(...inputs)).toBeGreaterThan(0.9);
    expect(Math.min(...inputs)).toBe(0);
    [9_999, 0, 5].forEach((row, i) => {
      const label = labels.subarray(i * MNIST_CLASSES, (i + 1) * MNIST_CLASSES);
      expect(label.indexOf(1)).toBe(digits[row]);
      expect(label.reduce((a, b) => a + b)).toBe(1);
    });
    expect(() => readMnist('test', [10_000])).toThrow(/row 10000/);
  });
});

it('the 2NN has the size of the paper and seeded weights', async () => {
  await useBestNodeBackend();
  const [a, b, c] = [twoNn(1), twoNn(1), twoNn(2)].map((model) =>
    model.getWeights().map((weight) => [...weight.dataSync()]),
  );
  expect(twoNn(1).countParams()).toBe(TWO_NN_PARAMS);
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
});
