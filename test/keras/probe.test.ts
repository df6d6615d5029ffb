import { describe, expect, test } from '@jest/globals';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { altered, expectedOf, opened } from './fixtures.js';

interface Probe {
  inputs: { shape: number[]; values: number[] }[];
  outputs: { shape: number[]; values: number[] }[];
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
      message: expect.stringMatching(/answers \S+ to the probe where Keras answered/) as unknown,
    });
  });

  test.each<[string, (probe: Probe) => unknown, RegExp]>([
    ['that is something else', () => ({ hello: 1 }), /The probe is not/],
    ['whose values do not fit its shape', ({ inputs }) => void inputs[0]!.values.pop(), /The probe is not/],
    ['for another input', ({ inputs }) => void (inputs[0] = { shape: [1, 2], values: [1, 2] }), /inputs/],
    ['with too many outputs', ({ outputs }) => void outputs.push(outputs[0]!), /The outputs of the probe/],
  ])('a probe %s is refused', async (_, change, message) => {
    const bytes = await withProbe('mlp.k3.keras', probeOf('mlp.k3.keras', change));
    await expect(readKerasModel(bytes)).rejects.toMatchObject({
      code: 'invalid_model',
      message: expect.stringMatching(message) as unknown,
    });
  });
});
