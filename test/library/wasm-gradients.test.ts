import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';

type Shape4 = [number, number, number, number];
type Padding = 'same' | 'valid' | [[number, number], [number, number], [number, number], [number, number]];

interface Case {
  readonly input: Shape4;
  readonly filter: Shape4;
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly pad: Padding;
  readonly depthwise: boolean;
}

beforeAll(async () => {
  expect(await useWasmBackend()).toBe('wasm');
});

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const noise = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233));

function geometry({ input, filter, strides, dilations, pad, depthwise }: Case): tf.backend_util.Conv2DInfo {
  return tf.backend_util.computeConv2DInfo(input, filter, strides, dilations, pad, undefined, depthwise);
}

/** Both gradients by their definition, in f64. */
function plain(c: Case): { byFilter: number[]; byInput: number[] } {
  const info = geometry(c);
  const [xs, ws, dys] = [noise(size(c.input), 1), noise(size(c.filter), 2), noise(size(info.outShape), 3)];
  const byFilter = Array<number>(ws.length).fill(0);
  const byInput = Array<number>(xs.length).fill(0);
  const [, height, width, channels] = c.input;
  const [rows, columns, , outs] = c.filter;
  for (let n = 0; n < info.batchSize; n++)
    for (let p = 0; p < info.outHeight; p++)
      for (let q = 0; q < info.outWidth; q++)
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) {
            const y = p * c.strides[0] + i * c.dilations[0] - info.padInfo.top;
            const x = q * c.strides[1] + j * c.dilations[1] - info.padInfo.left;
            if (y < 0 || x < 0 || y >= height || x >= width) continue;
            for (let a = 0; a < channels; a++)
              for (let b = 0; b < outs; b++) {
                const out = c.depthwise ? a * outs + b : b;
                const dy = dys[((n * info.outHeight + p) * info.outWidth + q) * info.outChannels + out]!;
                const at = ((n * height + y) * width + x) * channels + a;
                const w = ((i * columns + j) * channels + a) * outs + b;
                byFilter[w]! += xs[at]! * dy;
                byInput[at]! += ws[w]! * dy;
              }
          }
  return { byFilter, byInput };
}

/** Both gradients by the kernels of the current backend. */
function kernels(c: Case): { byFilter: number[]; byInput: number[] } {
  const { strides, dilations, pad } = c;
  const prefix = c.depthwise ? 'DepthwiseConv2dNativeBackprop' : 'Conv2DBackprop';
  const attrs = { strides, pad, ...(c.depthwise ? { dilations } : { dataFormat: 'NHWC' }) };
  return tf.tidy(() => {
    const x = tf.tensor(noise(size(c.input), 1), c.input);
    const filter = tf.tensor(noise(size(c.filter), 2), c.filter);
    const { outShape } = geometry(c);
    const dy = tf.tensor(noise(size(outShape), 3), outShape);
    const run = (what: string, inputs: tf.NamedTensorMap, more: object): number[] => [
      ...tf
        .engine()
        .runKernel<tf.Tensor>(`${prefix}${what}`, inputs, { ...attrs, ...more })
        .dataSync(),
    ];
    return {
      byFilter: run('Filter', { x, dy }, { filterShape: c.filter }),
      byInput: run('Input', { dy, filter }, { inputShape: c.input }),
    };
  });
}

const near = (actual: readonly number[], expected: readonly number[], terms: number): void => {
  expect(actual).toHaveLength(expected.length);
  const worst = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  // Values are at most one each; f32 adds them in another order.
  expect(worst).toBeLessThan(2e-6 * Math.max(10, terms));
};

const upTo = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most });
const explicit = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)).map(([t, b, l, r]): Padding => [
  [0, 0],
  [t, b],
  [l, r],
  [0, 0],
]);

function cases(depthwise: boolean): fc.Arbitrary<Case> {
  return fc
    .record({
      input: fc.tuple(upTo(3), upTo(9), upTo(9), upTo(5)),
      window: fc.tuple(upTo(4), upTo(4)),
      outs: upTo(depthwise ? 3 : 6),
      strides: fc.tuple(upTo(3), upTo(3)),
      dilations: depthwise ? fc.tuple(upTo(3), upTo(3)) : fc.constant<[number, number]>([1, 1]),
      pad: fc.oneof(fc.constant<Padding>('same'), fc.constant<Padding>('valid'), explicit),
    })
    .map(({ window, outs, ...c }) => ({ ...c, depthwise, filter: [...window, c.input[3], outs] as Shape4 }))
    .filter((c) => geometry(c).outHeight > 0 && geometry(c).outWidth > 0);
}

async function on<T>(backend: 'wasm' | 'cpu', work: () => T): Promise<T> {
  await tf.setBackend(backend);
  try {
    return work();
  } finally {
    await tf.setBackend('wasm');
  }
}

describe.each([
  ['convolution', false],
  ['depthwise convolution', true],
])('%s', (_, depthwise) => {
  it('has the gradients of the definition and of the CPU backend, and leaves nothing behind', async () => {
    const stored = (): number => (tf.backend() as unknown as { numDataIds(): number }).numDataIds();
    const before = stored();
    await fc.assert(
      fc.asyncProperty(cases(depthwise), async (c) => {
        const wasm = await on('wasm', () => kernels(c));
        const expected = plain(c);
        const { outShape, filterShape } = geometry(c);
        near(wasm.byFilter, expected.byFilter, outShape[0] * outShape[1] * outShape[2]);
        near(wasm.byInput, expected.byInput, size(filterShape));
        // That backend leaves dilations out of account here.
        if (c.dilations.every((cells) => cells === 1)) {
          const cpu = await on('cpu', () => kernels(c));
          near(wasm.byFilter, cpu.byFilter, outShape[0] * outShape[1] * outShape[2]);
          near(wasm.byInput, cpu.byInput, size(filterShape));
        }
        expect(stored()).toBe(before);
      }),
      { numRuns: 200 },
    );
  });
});

it('adds up the rows of a segment, and leaves out those of none', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1, max: 6 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      (ids, width) => {
        const values = noise(ids.length * width, 4);
        const expected = Array<number>(6 * width).fill(0);
        ids.forEach((id, row) => {
          if (id < 0 || id > 5) return;
          for (let i = 0; i < width; i++) expected[id * width + i]! += values[row * width + i]!;
        });
        const actual = tf.tidy(() =>
          tf
            .unsortedSegmentSum(tf.tensor(values, [ids.length, width]), tf.tensor1d(ids, 'int32'), 6)
            .dataSync(),
        );
        near([...actual], expected, ids.length);
      },
    ),
  );
});

type Operation = (x: tf.Tensor4D) => tf.Tensor4D;
/** What comes back when the result is noise. */
function gradient(operation: Operation): number[] {
  return tf.tidy(() => {
    const x = tf.tensor4d(noise(2 * 7 * 9 * 4, 1), [2, 7, 9, 4]);
    const { shape, size: length } = operation(x);
    const dy = tf.tensor4d(noise(length, 2), shape);
    return [
      ...tf
        .grad((y: tf.Tensor) => operation(y as tf.Tensor4D))(x, dy)
        .dataSync(),
    ];
  });
}

it.each<[string, Operation]>([
  ['max pooling with a wide window', (x) => tf.maxPool(x, [1, 3], [1, 2], 'valid')],
  ['max pooling with a tall window', (x) => tf.maxPool(x, [3, 2], [2, 1], 'same')],
  ['max pooling with explicit padding', (x) => tf.maxPool(x, 3, 2, 1, 'floor')],
  // Windows with several largest pixels.
  [
    'max pooling with ties',
    (x) => tf.maxPool(tf.minimum(tf.mul(x, 0.3), tf.add(tf.mul(x, 0), 0.1)), 3, 2, 'same'),
  ],
  ['average pooling', (x) => tf.avgPool(x, [2, 3], [2, 1], 'same')],
  ['local response normalisation', (x) => tf.localResponseNormalization(x, 2, 1, 0.5, 0.75)],
  [
    'batch normalisation',
    (x) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: tf.Tensor1D; variance: tf.Tensor1D };
      return tf.batchNorm4d(x, mean, variance, tf.ones<tf.Rank.R1>([4]), tf.ones<tf.Rank.R1>([4]));
    },
  ],
])('%s has the gradient of the CPU backend', async (_, operation) => {
  const work = (): number[] => gradient(operation);
  near(await on('wasm', work), await on('cpu', work), 10);
});

// The CPU backend's gradients of resizing are wrong, for several examples or images that are not square.
it.each<[string, Operation]>([
  ['up-sampling', (x) => tf.image.resizeNearestNeighbor(x, [14, 18])],
  ['resizing to the nearest pixel', (x) => tf.image.resizeNearestNeighbor(x, [5, 11])],
  ['up-sampling, bilinear', (x) => tf.image.resizeBilinear(x, [14, 18])],
  ['bilinear resizing', (x) => tf.image.resizeBilinear(x, [5, 11])],
])('%s, which is linear, has its transpose as gradient', (_, operation) => {
  // ⟨A x, dy⟩ = ⟨x, Aᵀ dy⟩ for the unit vectors x.
  const dy = noise(operationSize(operation), 2);
  const expected = Array.from({ length: 2 * 7 * 9 * 4 }, (__, i) =>
    tf.tidy(() => {
      const unit = tf.tensor4d(
        Float32Array.from({ length: 504 }, (___, k) => Number(k === i)),
        [2, 7, 9, 4],
      );
      return [...operation(unit).dataSync()].reduce((sum, value, k) => sum + value * dy[k]!, 0);
    }),
  );
  near(gradient(operation), expected, 10);
});

function operationSize(operation: Operation): number {
  return tf.tidy(() => operation(tf.zeros([2, 7, 9, 4])).size);
}
