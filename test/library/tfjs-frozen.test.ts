import { beforeAll, expect, it } from '@jest/globals';
import { layers as make, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import { clearFrozen } from '../../src/library/tfjs-frozen.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import { addTensorMethods } from '../../src/library/tfjs-chained.js';
import { buildModel, getFlatWeights, setFlatWeights } from '../../src/library/tfjs-model.js';
import { TfjsTrainer } from '../../src/library/tfjs-trainer.js';

beforeAll(async () => {
  await useBestNodeBackend();
  addTensorMethods();
});

const still = { trainable: false };

/** Frozen and learning layers in turns, alone, wrapped and nested; names tell them apart. */
function halfFrozen(): unknown {
  const inner = sequential({
    name: 'inner',
    layers: [
      make.dense({ ...still, units: 4, inputShape: [4], name: 'still_inside' }),
      make.batchNormalization({ ...still, name: 'still_norm' }),
      make.batchNormalization({ scale: false, name: 'learns_norm' }),
    ],
  });
  const model = sequential({
    layers: [
      make.gru({ ...still, units: 4, returnSequences: true, inputShape: [3, 2], name: 'still_gru' }),
      make.bidirectional({
        ...still,
        layer: make.lstm({ ...still, units: 2, returnSequences: true, name: 'still_lstm' }),
        mergeMode: 'concat',
        name: 'still_both',
      }),
      make.timeDistributed({ layer: make.dense({ ...still, units: 4 }), name: 'still_each' }),
      make.lstm({ units: 4, name: 'learns_lstm' }),
      inner,
      make.dense({ units: 1, name: 'learns_last' }),
    ],
  });
  const topology: unknown = JSON.parse(JSON.stringify(model.toJSON(null, false)));
  model.dispose();
  return topology;
}

/** Of each weight, whether the function says so for all its values, for none (false), or for some (null). */
function perWeight(
  model: LayersModel,
  flat: Float32Array,
  is: (value: number) => boolean,
): Record<string, boolean | null> {
  let at = 0;
  return Object.fromEntries(
    model.weights.map(({ originalName, shape }) => {
      const size = shape.reduce<number>((product, next) => product * (next ?? 0), 1);
      const values = flat.subarray(at, (at += size));
      return [originalName, values.every(is) ? true : values.some(is) ? null : false];
    }),
  );
}

it('what is frozen is sent as zeros, and stays bit by bit what it was; the rest learns', async () => {
  const topology = halfFrozen();
  const model = await buildModel(topology);
  const noise = (length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => 0.3 + 0.2 * Math.sin(i * 12.9898));
  const global = noise((await getFlatWeights(model)).length);
  const frozen = perWeight(model, clearFrozen(model, noise(global.length)), (value) => value === 0);
  const names = Object.keys(frozen);
  expect(names.length).toBe(25);
  expect(frozen).toEqual(Object.fromEntries(names.map((name) => [name, name.includes('still')])));

  const hyperparams = {
    batchSize: 4,
    epochs: 2,
    shuffle: false,
    optimizer: { type: 'adam', learningRate: 0.1 },
    loss: 'meanSquaredError',
    metrics: [],
    labelIndex: -1,
  } as const;
  const trainer = new TfjsTrainer();
  const { delta } = await trainer.train({
    topology,
    topologySha256: 'half-frozen',
    global,
    hyperparams,
    evaluate: false,
    data: { inputs: noise(8 * 6), inputShape: [3, 2], labels: noise(8), labelShape: [1] },
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  trainer.dispose();
  const unmoved = perWeight(model, delta, (value) => Object.is(value, 0));
  for (const name of names) expect([name, unmoved[name] === true]).toEqual([name, name.includes('still')]);
  // Not only cleared: this backend did not touch them.
  setFlatWeights(model, global);
  expect(await getFlatWeights(model)).toEqual(global);
  model.dispose();
});
