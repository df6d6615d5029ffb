import { beforeAll, describe, expect, test } from '@jest/globals';
import { setBackend } from '@tensorflow/tfjs-core';
import { checkModel } from '../../src/keras/check-model.js';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';
import { expectedOf, fixture, largestError, NAMES, READABLE, trained } from './fixtures.js';

describe('models that Keras wrote', () => {
  test.each(READABLE)('%s answers as it did in Keras', async (file) => {
    const model = await readKerasModel(fixture(file));
    const expected = expectedOf(file);
    expect(model.format).toBe(file.endsWith('.h5') ? 'h5' : 'keras');
    expect(model.parameters.length).toBe(expected.params);
    expect(await checkModel(model)).toBeNull();
    expect(await largestError(model, expected)).toBeLessThan(1e-5);
    expect(new Set(model.tensors.map(({ name }) => name)).size).toBe(model.tensors.length);
  });
});

describe('models that learn as in Keras', () => {
  const LEARNING = READABLE.filter((file) => expectedOf(file).afterTraining !== undefined);
  beforeAll(async () => expect(await useWasmBackend()).toBe('wasm'));

  test.each(LEARNING.flatMap((file) => [`cpu ${file}`, `wasm ${file}`]))('%s', async (name) => {
    const [backend = '', file = ''] = name.split(' ');
    const model = await readKerasModel(fixture(file));
    const expected = expectedOf(file);
    await setBackend(backend);
    const parameters = await trained(model, expected);
    const outputs = expected.afterTraining ?? [];
    expect(await largestError({ ...model, parameters }, { ...expected, outputs })).toBeLessThan(1e-5);
    // It did learn, so the comparison says something.
    expect(await largestError({ ...model, parameters }, expected)).toBeGreaterThan(1e-3);
    await setBackend('cpu');
  });
});

describe('what TF.js cannot do', () => {
  const reasons: Record<string, RegExp> = {
    constrained: /Layer "positive" \(Dense\): kernel_constraint/,
    inference_call: /Layer "calm" \(BatchNormalization\): it is called with training=false/,
    subtract: /Layer "minus" \(Subtract\): TF.js has no such layer/,
    arithmetic: /operation|comes from "keras\.src\.ops|several arguments/,
    lambda_layer:
      /Layer "anything" \(Lambda\): it is arbitrary code.*\. Supported are Activation, Add, .*, ZeroPadding2D\.$/,
    normalization: /Layer "norm" \(Normalization\): TF.js has no such layer/,
    causal: /Layer "past" \(Conv1D\): .*padding="causal".*pad with/,
    masked_bidirectional: /Layer "both_ways" \(Bidirectional\): TF.js gives it no mask/,
    masked_average: /Layer "mean" \(GlobalAveragePooling1D\): TF.js does not use the mask/,
    masked_then_not: /Layer "again" \(LSTM\): TF.js would give it the mask of other layers/,
    masked_inside: /Layer "outside" \(LSTM\): TF.js loses the mask/,
    masked_functional: /Layer "not_equal" \(NotEqual\): .*into a Sequential model inside/,
    grouped: /Layer "groups" \(Conv2D\): .*groups=2/,
    half_precision: /Layer "half" \(Dense\): it computes in "float16"/,
  };
  const refused = NAMES.filter((file) => expectedOf(file).refused);

  test.each(refused)('%s is refused with the layer and what to do', async (file) => {
    const reason = reasons[file.split('.')[0] ?? ''];
    if (reason === undefined) throw new Error(`${file} has no reason`);
    await expect(readKerasModel(fixture(file))).rejects.toMatchObject({
      code: 'model_unsupported',
      message: expect.stringMatching(reason) as unknown,
    });
  });
});
