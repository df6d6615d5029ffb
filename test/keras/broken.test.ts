import { describe, expect, test } from '@jest/globals';
import { unzipSync } from 'fflate';
import type { File } from 'h5wasm';
import { writeHdf5 } from '../../src/keras/hdf5.js';
import type { KerasObject } from '../../src/keras/json.js';
import { KERAS_LIMITS } from '../../src/keras/limits.js';
import { toTfjsModel } from '../../src/keras/model-config.js';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { altered, bits, fixture, opened } from './fixtures.js';

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function configOf(file: string): { config: { layers: { config: Record<string, unknown> }[] } } {
  const json = new TextDecoder().decode(unzipSync(fixture(file))['config.json']);
  return JSON.parse(json) as ReturnType<typeof configOf>;
}

describe('files that are broken or too large', () => {
  const refused = async (bytes: Uint8Array, message: RegExp, limits = KERAS_LIMITS): Promise<void> => {
    await expect(readKerasModel(bytes, limits)).rejects.toMatchObject({
      code: 'invalid_model',
      message: expect.stringMatching(message) as unknown,
    });
  };

  test('what is neither HDF5 nor zip', async () => {
    await refused(new TextEncoder().encode('hello'), /neither a Keras \.h5/);
    await refused(new Uint8Array(), /neither/);
  });

  test('a file, a configuration and parameters above their limits', async () => {
    const bytes = fixture('mlp.k3.keras');
    await refused(bytes, /the limit is 100/, { ...KERAS_LIMITS, maxFileBytes: 100 });
    await refused(bytes, /"config\.json" has \d+ bytes; the limit is 100/, {
      ...KERAS_LIMITS,
      maxConfigBytes: 100,
    });
    await refused(fixture('mlp.k3.h5'), /model_config.*more than 100/, {
      ...KERAS_LIMITS,
      maxConfigBytes: 100,
    });
    await refused(bytes, /more than 10 parameters/, { ...KERAS_LIMITS, maxParameterBytes: 40 });
    await refused(bytes, /more than 2 layers/, { ...KERAS_LIMITS, maxLayers: 2 });
  });

  test('a zip bomb is refused before it is inflated', async () => {
    const bomb = altered('mlp.k3.keras', { 'config.json': new Uint8Array(64 * 2 ** 20) });
    expect(bomb.length).toBeLessThan(2 ** 18);
    await refused(bomb, /"config\.json" has 67108864 bytes/);
  });

  test('a zip that lies about a size', async () => {
    const bytes = altered('mlp.k3.keras', { 'config.json': new Uint8Array(1_000) });
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    // The directory at the end: signature, …, compressed size at 20, size at 24, name at 46.
    for (let at = 0; at < bytes.length - 60; at++) {
      const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 57));
      if (view.getUint32(at, true) === 0x02014b50 && name === 'config.json')
        view.setUint32(at + 24, 5_000_000, true);
    }
    await refused(bytes, /says that \d+ bytes become 5000000/);
  });

  test('an HDF5 bomb: gigabytes of zeros that take no space', async () => {
    const bytes = await opened('mlp.k3.h5', (h5) => {
      h5.create_dataset({
        name: 'other',
        data: new Float32Array(1),
        shape: [1],
        chunks: [1],
        maxshape: [null],
      });
    });
    await expect(readKerasModel(bytes)).resolves.toMatchObject({ name: 'mlp' });
    const weights = await writeHdf5((h5) => {
      h5.create_group('layers')
        .create_group('dense')
        .create_group('vars')
        .create_dataset({
          name: '0',
          data: new Float32Array(4),
          shape: [1, 4],
          maxshape: [null, 4],
          chunks: [1, 4],
          compression: 'gzip',
        })
        .resize([2 ** 31, 4]);
    });
    await refused(
      altered('mlp.k3.keras', { 'model.weights.h5': weights }),
      /"layers\/dense\/vars\/0" have the shape \[2147483648, 4\]/,
    );
  });

  test('a heap of texts that the library would walk for ever', async () => {
    for (const [at, value] of [
      // The free space behind the texts says that it is empty.
      [8, 0n],
      // A text says that it goes around the 32 bits of an address.
      [-16, 2n ** 32n - 16n],
    ] as const) {
      const bytes = Buffer.from(fixture('mlp.k2.h5'));
      const heap = bytes.indexOf('GCOL');
      let free = heap + 16;
      let last = free;
      while (bytes.readUInt16LE(free) !== 0) {
        last = free;
        free += 16 + 8 * Math.ceil(Number(bytes.readBigUInt64LE(free + 8)) / 8);
      }
      bytes.writeBigUInt64LE(value, at === 8 ? free + 8 : last + 8);
      await refused(bytes, /its heap at byte \d+ does not add up/);
    }
  });

  test('a configuration that needs more weights than there are', async () => {
    const config = configOf('mlp.k3.keras');
    const dense = config.config.layers[1];
    if (dense) dense.config['units'] = 2 ** 30;
    await refused(altered('mlp.k3.keras', { 'config.json': text(config) }), /more than \d+ parameters/);
  });

  test('a configuration nested without end', async () => {
    const deep = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000);
    const json = `{"class_name":"Sequential","config":{"name":"x","layers":[],"deep":${deep}}}`;
    await refused(altered('mlp.k3.keras', { 'config.json': new TextEncoder().encode(json) }), /nested|read/);
  });

  test('models inside models, each called many times', () => {
    const nest = (depth: number): KerasObject => {
      const [input, name] = [`in${depth}`, `model${depth}`];
      const inner =
        depth === 0
          ? { class_name: 'Masking', config: { name: 'mask', mask_value: 0 }, name: 'mask' }
          : { ...nest(depth - 1), name: `model${depth - 1}` };
      // Keras 2: the call of a model after its own is the second one.
      const calls = [0, 1, 2, 3].map(() => [[input, 0, 0, {}]]);
      const layers = [
        {
          class_name: 'InputLayer',
          config: { name: input, batch_input_shape: [null, 4, 3] },
          name: input,
          inbound_nodes: [],
        },
        { ...inner, inbound_nodes: calls },
      ];
      const [input_layers, output_layers] = [[[input, 0, 0]], [[inner.name, 1, 0]]];
      return { class_name: 'Functional', config: { name, layers, input_layers, output_layers } };
    };
    // 4^16 calls in all.
    expect(toTfjsModel(nest(16), { major: 2 })).toMatchObject({ config: { name: 'model16' } });
  });

  test('layers that call each other in a circle', async () => {
    const json = JSON.stringify(configOf('branches.k3.keras'));
    // The first Dense takes what comes after it.
    const circle = json.replace('"keras_history":["in",0,0]', '"keras_history":["concatenate",0,0]');
    expect(circle).not.toBe(json);
    await refused(
      altered('branches.k3.keras', { 'config.json': new TextEncoder().encode(circle) }),
      /circle/,
    );
  });

  test('weights of another name, another shape, or none', async () => {
    await refused(
      await opened('mlp.k3.h5', (h5) => {
        const group = h5.get('model_weights/dense') as File;
        group.delete_attribute('weight_names');
        group.create_attribute('weight_names', ['dense/bias', 'dense/kernel']);
      }),
      /"dense\/bias" is where the model has "dense\/kernel"/,
    );
    await refused(altered('mlp.k3.keras', { 'model.weights.h5': fixture('mlp.k3.h5') }), /are missing/);
    await refused(
      altered('mlp.k3.keras', {
        'model.weights.h5':
          unzipSync(fixture('mlp_uncompiled.k3.keras'))['model.weights.h5'] ?? new Uint8Array(),
      }),
      /have the shape \[4, 3\]; the model's have \[6, 5\]/,
    );
  });

  test('an .h5 of weights alone', async () => {
    const bytes = await opened('mlp.k3.h5', (h5) => h5.delete_attribute('model_config'));
    await refused(bytes, /weights only: save the whole model/);
  });
});

test('a list of names in several attributes, as Keras writes what is too long for one', async () => {
  const bytes = await opened('mlp.k3.h5', (h5) => {
    const group = h5.get('model_weights/dense') as File;
    group.delete_attribute('weight_names');
    group.create_attribute('weight_names0', ['mlp/dense/kernel']);
    group.create_attribute('weight_names1', ['mlp/dense/bias'], [1], 'S20');
  });
  expect(bits(await readKerasModel(bytes))).toEqual(bits(await readKerasModel(fixture('mlp.k3.h5'))));
});
