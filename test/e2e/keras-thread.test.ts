import { afterAll, expect, test } from '@jest/globals';
import { ThreadKerasConverter } from '../../src/keras/convert-in-thread.js';
import { KERAS_LIMITS } from '../../src/keras/limits.js';
import { bits, fixture, READABLE } from '../keras/fixtures.js';

const built = new URL('../../dist/src/keras/convert-thread.js', import.meta.url);
const converter = new ThreadKerasConverter(built);
afterAll(() => converter.close());

const copy = (file: string): Uint8Array<ArrayBuffer> => new Uint8Array(fixture(file));

test('converts in a thread, several at once, and goes on after a refusal', async () => {
  const some = READABLE.filter((file) => /^(mlp|nested|lstm_text|frozen)\./.test(file));
  expect(some.length).toBeGreaterThan(8);
  const answers = await Promise.all([
    ...some.map((file) => converter.read(copy(file), KERAS_LIMITS)),
    converter.read(new Uint8Array(10), KERAS_LIMITS).catch((error: unknown) => error),
    converter.read(copy('subtract.k3.keras'), KERAS_LIMITS).catch((error: unknown) => error),
  ]);
  expect(answers.at(-2)).toMatchObject({ code: 'invalid_model' });
  expect(answers.at(-1)).toMatchObject({ code: 'model_unsupported' });
  const model = await converter.read(copy('nested.k3.keras'), KERAS_LIMITS);
  const before = bits(model);
  const { topology, tensors, parameters } = model;
  const own = new Float32Array(parameters);
  const file = await converter.write({ topology, tensors, parameters: own, format: 'h5' });
  expect(bits(await converter.read(new Uint8Array(file), KERAS_LIMITS))).toEqual(before);
});
