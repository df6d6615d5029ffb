import { beforeAll, describe, expect, test } from '@jest/globals';
import { zeros } from '@tensorflow/tfjs-core';
import { boundActivations } from '../../src/keras/bound-activations.js';
import { withBuiltModel } from '../../src/keras/build-model.js';
import { checkProbe } from '../../src/keras/probe.js';
import { readKerasModel, type KerasModel } from '../../src/keras/read-keras-model.js';
import { altered, expectedOf, fixture, opened, READABLE } from './fixtures.js';

interface Batch {
  name?: string;
  shape: number[];
  values: number[];
}
interface Probe {
  inputs: Batch[];
  outputs: Batch[];
}

/** What Keras answered, as a probe; changed by `change`. */
function probeOf(file: string, change: (probe: Probe) => unknown = () => {}): string {
  const { inputs, outputs } = expectedOf(file);
  const probe = structuredClone({ inputs, outputs });
  return JSON.stringify(change(probe) ?? probe);
}

const withProbe = (file: string, probe: string): Promise<Uint8Array> =>
  file.endsWith('.keras')
    ? Promise.resolve(altered(file, { 'cloud_node_probe.json': new TextEncoder().encode(probe) }))
    : opened(file, (h5) => h5.create_attribute('cloud_node_probe', probe));

describe('a file with a probe', () => {
  test.each(['mlp.k2.h5', 'multi_io.k3.keras', 'gru_variants.k3.keras', 'transfer.k3.h5'])(
    '%s is read when the model answers as it did in Keras',
    async (file) => {
      const { probed } = await readKerasModel(await withProbe(file, probeOf(file)));
      expect(probed).toBeLessThan(1e-5);
    },
  );

  test.each(['mlp.k2.h5', 'multi_io.k3.keras'])('%s is refused when one answer is another', async (file) => {
    const wrong = probeOf(file, ({ outputs }) => {
      const last = outputs.at(-1)!;
      last.values[last.values.length - 1]! += 0.01;
    });
    await expect(readKerasModel(await withProbe(file, wrong))).rejects.toMatchObject({
      code: 'model_unsupported',
      message: expect.stringMatching(
        /"probe\.outputs\.\d", value \d+: the model answers \S+ where \S+ is expected\. They differ by 0\.01/,
      ) as unknown,
    });
  });

  test.each<[string, (probe: Probe) => unknown, RegExp]>([
    ['that is something else', () => ({ hello: 1 }), /"probe\.inputs": .*Unknown field "hello" in "probe"/],
    [
      'whose values do not fit its shape',
      ({ inputs }) => void inputs[0]!.values.pop(),
      /"probe\.inputs\.0\.values": there are \d+; the shape/,
    ],
    [
      'for another input',
      ({ inputs }) => void (inputs[0] = { shape: [1, 2], values: [1, 2] }),
      /"probe\.inputs\.0": its shape is \[1, 2\]; that of the model is \[null, 6\]/,
    ],
    ['of another rank', ({ inputs }) => void inputs[0]!.shape.push(1), /"probe\.inputs\.0": its shape is/],
    [
      'of an output of another rank',
      ({ outputs }) => void outputs[0]!.shape.push(1),
      /"probe\.outputs\.0": its/,
    ],
    [
      'for a name that there is not',
      ({ inputs }) => void (inputs[0]!.name = 'nobody'),
      /"probe\.inputs": none is named/,
    ],
    [
      'with too many outputs',
      ({ outputs }) => void outputs.push(outputs[0]!),
      /"probe\.outputs": there are 2; the model has 1/,
    ],
  ])('a probe %s is refused', async (_, change, message) => {
    const bytes = await withProbe('mlp.k3.keras', probeOf('mlp.k3.keras', change));
    await expect(readKerasModel(bytes)).rejects.toMatchObject({
      code: 'invalid_model',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

test.each(READABLE)(
  '%s answers its probe, so nothing that can be read is too large for one',
  async (file) => {
    const probe = JSON.parse(probeOf(file)) as Probe;
    expect(await checkProbe(await readKerasModel(fixture(file)), probe)).toBeLessThan(1e-4);
  },
);

describe('a model with several inputs and outputs', () => {
  const file = 'multi_io.k3.keras';
  let model: KerasModel;
  beforeAll(async () => {
    model = await readKerasModel(fixture(file));
  });
  /** In the order of the model. */
  const named = (): Probe => {
    const { input_layers: inputs, output_layers: outputs } = model.topology.model_config
      .config as unknown as Record<string, [string][]>;
    const probe = JSON.parse(probeOf(file)) as Probe;
    const name = (batches: Batch[], names: [string][] = []): Batch[] =>
      batches.map((batch, i) => ({ ...batch, name: names[i]![0] }));
    return { inputs: name(probe.inputs, inputs), outputs: name(probe.outputs, outputs) };
  };

  test('takes them in any order, when they have names', async () => {
    const { inputs, outputs } = named();
    expect(inputs.length + outputs.length).toBeGreaterThan(3);
    const turned = { inputs: inputs.toReversed(), outputs: outputs.toReversed() };
    expect(await checkProbe(model, turned)).toBeLessThan(1e-5);
  });

  test('says which output is another, where it stands in the probe', async () => {
    const { inputs, outputs } = named();
    const [first, ...others] = outputs;
    const wrong = { ...first!, values: first!.values.map((value) => value + 0.5) };
    await expect(checkProbe(model, { inputs, outputs: [...others, wrong] })).rejects.toThrow(
      `"probe.outputs.${others.length}" ("${first!.name}"), value `,
    );
  });

  test('wants all of the names, or none', async () => {
    const { inputs, outputs } = named();
    const [{ name: _, ...first }, ...others] = inputs as [Batch, ...Batch[]];
    await expect(checkProbe(model, { inputs: [first, ...others], outputs })).rejects.toThrow(
      /"probe\.inputs": none is named "/,
    );
  });
});

const SEPARABLE = { filters: 1, kernelSize: 1, depthMultiplier: 7 };

/** From one number through layers that make many of it. */
function growing(...layers: [string, object][]): Parameters<typeof checkProbe>[0] {
  const first = { class_name: 'Dense', config: { name: 'first', units: 1, batch_input_shape: [null, 1] } };
  const rest = layers.map(([class_name, config], i) => ({
    class_name,
    config: { name: `grows_${i}`, ...config },
  }));
  return {
    topology: { class_name: 'Sequential', config: { name: 'growing', layers: [first, ...rest] } },
    tensors: [
      { name: 'first/kernel', shape: [1, 1], dtype: 'float32' },
      { name: 'first/bias', shape: [1], dtype: 'float32' },
    ],
    parameters: new Float32Array(2),
  };
}

test('a small file that would take gigabytes to answer is refused', async () => {
  const one = [{ shape: [1, 1], values: [1] }];
  const large = growing(['RepeatVector', { n: 3e8 }]);
  await expect(checkProbe(large, { inputs: one, outputs: one })).rejects.toMatchObject({
    code: 'invalid_model',
    message: expect.stringContaining(
      'layer "grows_0" is the one with which its layers have more than 134217728 values',
    ) as unknown,
  });
});

test.each<[number, boolean, [string, object][]]>([
  [
    30,
    true,
    [
      ['RepeatVector', { n: 10 }],
      ['Activation', { activation: 'relu' }],
    ],
  ],
  [
    20,
    false,
    [
      ['RepeatVector', { n: 10 }],
      ['Activation', { activation: 'relu' }],
    ],
  ],
  // One value becomes seven on the way to one.
  [
    8,
    false,
    [
      ['RepeatVector', { n: 1 }],
      ['Reshape', { targetShape: [1, 1, 1] }],
      ['SeparableConv2D', SEPARABLE],
    ],
  ],
])('with room for %i values, all that its layers make is counted: %s', async (room, isEnough, layers) => {
  const { topology } = growing(...layers);
  await withBuiltModel(topology, 100, (model) => {
    boundActivations(model, room);
    const answer = (): unknown => model.predict(zeros([1, 1]));
    if (isEnough) expect(answer).not.toThrow();
    else expect(answer).toThrow(/have more than/);
  });
});

test('a batch that the model can not take is refused with what TensorFlow.js says of it', async () => {
  const probe = JSON.parse(probeOf('embedding.k3.keras')) as Probe;
  probe.inputs[0]!.values.fill(1e6);
  await expect(checkProbe(await readKerasModel(fixture('embedding.k3.keras')), probe)).rejects.toThrow(
    /"probe\.inputs": the model can not answer them: .*1000000/,
  );
});
