import { beforeAll, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients.
import '@tensorflow/tfjs-layers';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';

type Matrix = [rows: number, columns: number];

beforeAll(async () => {
  await useBestNodeBackend();
});

const wave = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7));

/** The product by its definition, of `batch` pairs of matrices filled with `wave`. */
function plainProduct(batch: number, a: Matrix, b: Matrix, turned: { a: boolean; b: boolean }): number[] {
  const [as, bs] = [wave(batch * a[0] * a[1]), wave(batch * b[0] * b[1])];
  const at = (n: number, row: number, column: number): number =>
    as[n * a[0] * a[1] + (turned.a ? column * a[1] + row : row * a[1] + column)]!;
  const bt = (n: number, row: number, column: number): number =>
    bs[n * b[0] * b[1] + (turned.b ? column * b[1] + row : row * b[1] + column)]!;
  const [rows, inner] = turned.a ? [a[1], a[0]] : a;
  const columns = turned.b ? b[0] : b[1];
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += at(n, row, k) * bt(n, k, column);
        result.push(sum);
      }
  return result;
}

it.each<[number[], Matrix, Matrix, boolean, boolean]>([
  [[], [5, 7], [7, 3], false, false],
  [[], [7, 5], [7, 3], true, false],
  [[], [5, 7], [3, 7], false, true],
  [[], [7, 5], [3, 7], true, true],
  [[2], [7, 5], [7, 3], true, false],
  [[4, 2], [5, 7], [3, 7], false, true],
])('batch %j: %j times %j (transposed: %s, %s)', (...[outer, a, b, turnA, turnB]) => {
  const batch = outer.reduce((x, y) => x * y, 1);
  const before = tf.memory().numTensors;
  const product = tf.tidy(() => {
    const left = tf.tensor(wave(batch * a[0] * a[1]), [...outer, ...a]);
    const right = tf.tensor(wave(batch * b[0] * b[1]), [...outer, ...b]);
    return [...tf.matMul(left, right, turnA, turnB).dataSync()];
  });
  expect(tf.memory().numTensors).toBe(before);
  const expected = plainProduct(batch, a, b, { a: turnA, b: turnB });
  expect(product).toHaveLength(expected.length);
  product.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5));
});

it('gradients through a product leave nothing behind', () => {
  const a = tf.ones([20, 30]);
  const b = tf.ones([30, 10]);
  const gradients = tf.grads((x: tf.Tensor, y: tf.Tensor) => tf.sum(tf.matMul(x, y)));
  const stored = (): number => (tf.backend() as unknown as { numDataIds(): number }).numDataIds();
  tf.dispose(gradients([a, b]));
  const before = stored();
  for (let i = 0; i < 10; i++) tf.dispose(gradients([a, b]));
  expect(stored()).toBe(before);
  tf.dispose([a, b]);
});
