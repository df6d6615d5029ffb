import { describe, expect, test } from '@jest/globals';
import { readKerasModel, type KerasModel } from '../../src/keras/read-keras-model.js';
import type { KerasFormat } from '../../src/keras/source.js';
import { writeKerasModel } from '../../src/keras/write-keras-model.js';
import { bits, expectedOf, fixture, largestError, READABLE } from './fixtures.js';

/** Keras 3 has another hard_sigmoid, and no ThresholdedReLU. */
const ONLY_KERAS_2 = ['activations.k2.h5', 'relu_variants.k2.h5'];

const cases = READABLE.flatMap((file) =>
  (['h5', 'keras'] as const)
    .filter((format) => format === 'h5' || !ONLY_KERAS_2.includes(file))
    .map((format): [string, KerasFormat] => [file, format]),
);

async function written(model: KerasModel, format: KerasFormat): Promise<KerasModel> {
  // What the pool keeps is JSON.
  const topology = JSON.parse(JSON.stringify(model.topology)) as KerasModel['topology'];
  return readKerasModel(await writeKerasModel({ ...model, topology, format }));
}

describe('what is read and written', () => {
  test.each(cases)('%s as .%s has the same weights, bit by bit, and answers', async (file, format) => {
    const model = await readKerasModel(fixture(file));
    const again = await written(model, format);
    expect(again.format).toBe(format);
    expect(again.name).toBe(model.name);
    expect(bits(again)).toEqual(bits(model));
    expect(again.training).toEqual(model.training);
    expect(await largestError(again, expectedOf(file))).toBeLessThan(1e-5);
  });

  test.each(READABLE.filter((file) => file.includes('.k3.')))('%s keeps its configuration', async (file) => {
    const model = await readKerasModel(fixture(file));
    const again = await written(model, model.format);
    expect(again.topology).toEqual(model.topology);
  });

  test.each(ONLY_KERAS_2)('%s has layers that Keras 3 has not', async (file) => {
    const model = await readKerasModel(fixture(file));
    await expect(writeKerasModel({ ...model, format: 'keras' })).rejects.toMatchObject({
      code: 'model_unsupported',
    });
  });
});
