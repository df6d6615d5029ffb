import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { convertModel } from '../../src/cli/convert-model.js';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { bits, expectedOf, fixture, FOLDER } from '../keras/fixtures.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cn-convert-'));
});
afterAll(() => rm(folder, { recursive: true }));

const from = (name: string): string => path.join(FOLDER, name);
const to = (name: string): string => path.join(folder, name);

test('a model goes from .h5 to a folder of TF.js to .keras and back, and is the same', async () => {
  const first = await convertModel(from('gru_variants.k2.h5'), to('tfjs'));
  expect(first).toMatchObject({ probed: null, notes: [] });
  expect(first.files).toEqual([to('tfjs/model.json'), to('tfjs/weights.bin')]);
  await convertModel(to('tfjs'), to('model.keras'));
  await convertModel(to('model.keras'), to('model.h5'));
  const [before, after] = await Promise.all(
    [fixture('gru_variants.k2.h5'), await readFile(to('model.h5'))].map((bytes) => readKerasModel(bytes)),
  );
  expect([...bits(after!).values()]).toEqual([...bits(before!).values()]);
});

test('what can not be converted is refused, and nothing is written', async () => {
  await expect(convertModel(from('subtract.k3.keras'), to('no.h5'))).rejects.toThrow(
    /Layer "minus" \(Subtract\).*Supported are/,
  );
  await writeFile(to('broken.keras'), 'no');
  await expect(convertModel(to('broken.keras'), to('no.h5'))).rejects.toThrow(/neither a Keras \.h5/);
  await expect(readFile(to('no.h5'))).rejects.toThrow(/ENOENT/);
});

test('a probe beside the file is answered before anything is written', async () => {
  const { inputs, outputs } = structuredClone(expectedOf('multi_io.k3.keras'));
  await writeFile(to('probe.json'), JSON.stringify({ inputs, outputs }));
  const { probed } = await convertModel(from('multi_io.k3.keras'), to('probed.h5'), to('probe.json'));
  expect(probed).toBeLessThan(1e-5);
  // A folder of TF.js has no place for one of its own.
  await convertModel(to('probed.h5'), to('probed'));
  expect((await convertModel(to('probed'), to('probed.keras'), to('probe.json'))).probed).toBeLessThan(1e-5);

  outputs[1]!.values[0]! += 1;
  await writeFile(to('wrong.json'), JSON.stringify({ inputs, outputs }));
  const refused = convertModel(from('multi_io.k3.keras'), to('no.h5'), to('wrong.json'));
  await expect(refused).rejects.toThrow(/"probe\.outputs\.1", value 0: .* They differ by 1;/);
  await expect(readFile(to('no.h5'))).rejects.toThrow(/ENOENT/);
  await expect(convertModel(to('probed'), to('no.h5'), to('none.json'))).rejects.toThrow(
    /The probe .*none\.json cannot be read/,
  );
});
