import { expect, test } from '@jest/globals';
import { payloadBytes, type UpdateEncoding } from '../../src/core/encoding.js';
import { chooseFoldScale } from '../../src/core/fold-scale.js';
import { seededRandom } from '../../src/core/random.js';
import { encodeUpdate } from '../../src/library/encode-update.js';
import { randomBits } from '../../src/library/random-bits.js';
import { decodeShard } from '../../src/tensors/encoding.js';
import { HalfEncoder } from '../../src/tensors/half-encoder.js';
import { ShardFolder } from '../../src/tensors/kernels.js';

const FEATURES = 40;
const EXAMPLES = 30;
const LIBRARIES = 8;
const scale = chooseFoldScale({ maxMagnitude: 1_024, maxExamples: EXAMPLES, maxUpdates: LIBRARIES });

interface Example {
  readonly inputs: Float64Array;
  readonly label: number;
}

/** Each Library's data leans another way; the labels are those of one hidden plane. */
function data(): Example[][] {
  const random = seededRandom(7);
  const plane = Float64Array.from({ length: FEATURES }, () => random() - 0.5);
  return Array.from({ length: LIBRARIES }, (_, library) =>
    Array.from({ length: EXAMPLES }, () => {
      const inputs = Float64Array.from(
        { length: FEATURES },
        (_, i) => random() - 0.5 + (i === library ? 0.3 : 0),
      );
      return { inputs, label: inputs.reduce((sum, x, i) => sum + x * (plane[i] ?? 0), 0) > 0 ? 1 : 0 };
    }),
  );
}

function predict(weights: Float32Array, { inputs }: Example): number {
  return 1 / (1 + Math.exp(-inputs.reduce((sum, x, i) => sum + x * (weights[i] ?? 0), 0)));
}

function loss(weights: Float32Array, examples: readonly Example[]): number {
  const losses = examples.map(
    (e) => -Math.log(e.label === 1 ? predict(weights, e) : 1 - predict(weights, e)),
  );
  return losses.reduce((sum, l) => sum + l, 0) / examples.length;
}

function train(global: Float32Array, examples: readonly Example[]): Float32Array {
  const local = Float64Array.from(global);
  for (const example of examples) {
    const error = predict(Float32Array.from(local), example) - example.label;
    example.inputs.forEach((x, i) => (local[i] = (local[i] ?? 0) - 0.3 * error * x));
  }
  return Float32Array.from(local, (value, i) => value - (global[i] ?? 0));
}

/** Federated averaging with everything between a Library and the next version that touches numbers. */
function learn(encoding: UpdateEncoding, halfDownloads: boolean, rounds = 60): number {
  const libraries = data();
  const folder = new ShardFolder(FEATURES);
  const half = new HalfEncoder();
  const random = randomBits(Uint32Array.of(1, 2, 3));
  const form = { encoding, shardParams: FEATURES, maxMagnitude: 1_024, clipNorm: null };
  let version = new Uint8Array(FEATURES * 4);
  for (let round = 0; round < rounds; round++) {
    const halves = halfDownloads ? half.encode(version) : null;
    const global = halves === null ? decodeShard(version, 'f32') : decodeShard(halves, 'f16');
    folder.reset(FEATURES);
    for (const examples of libraries) {
      const bytes = encodeUpdate(train(global, examples), form, random);
      expect(bytes).toHaveLength(payloadBytes(encoding, { paramCount: FEATURES, shardParams: FEATURES }));
      folder.add([{ bytes, encoding, numExamples: EXAMPLES }], scale);
    }
    version = Uint8Array.from(folder.finish(version, { scale, totalExamples: LIBRARIES * EXAMPLES }));
  }
  return loss(decodeShard(version, 'f32'), libraries.flat());
}

test('smaller encodings learn nearly as well as f32', () => {
  const before = Math.log(2);
  const reference = learn('f32', false);
  expect(reference).toBeLessThan(before / 3);
  for (const [encoding, halfDownloads] of [
    ['f32', true],
    ['f16', false],
    ['q8', false],
    ['q8', true],
  ] as const) {
    expect(Math.abs(learn(encoding, halfDownloads) - reference)).toBeLessThan(0.01 * (before - reference));
  }
});
