import { expect, it } from '@jest/globals';
import { memory, ones, train, zeros, type Tensor } from '@tensorflow/tfjs-core';
import { useWasmBackend } from '../../src/library/tf-backend-node.js';
import { buildModel } from '../../src/library/tfjs-model.js';

const GRU = { name: 'gru', units: 4, reset_after: true, dropout: 0.5, recurrent_dropout: 0.5 };
const TOPOLOGY = {
  class_name: 'Sequential',
  config: {
    name: 'model',
    layers: [{ class_name: 'GRU', config: { ...GRU, batch_input_shape: [null, 5, 3] } }],
  },
};

it("Keras's GRU drops out in training only, and keeps memory flat", async () => {
  await useWasmBackend();
  const model = await buildModel(TOPOLOGY);
  const optimizer = train.sgd(0);
  model.compile({ optimizer, loss: 'meanSquaredError' });
  const [inputs, labels] = [ones([8, 5, 3]), zeros([8, 4])];
  const answer = (): number[] => {
    const made = model.predict(inputs) as Tensor;
    const values = [...made.dataSync()];
    made.dispose();
    return values;
  };
  const before = answer();
  const losses: number[] = [];
  const held: number[] = [];
  for (let step = 0; step < 4; step++) {
    losses.push((await model.trainOnBatch(inputs, labels)) as number);
    held.push(memory().numTensors);
  }
  // The rate is zero: only masks make a difference.
  expect(new Set(losses).size).toBe(4);
  expect(new Set(held).size).toBe(1);
  expect(answer()).toEqual(before);
  model.dispose();
  optimizer.dispose();
});
