import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { writeKerasModel } from '../../src/keras/write-keras-model.js';
import { expectedOf, fixture, FOLDER, READABLE } from './fixtures.js';
import { testPython } from '../helpers/python.js';

interface Report {
  readonly checked: number;
  readonly problems: Record<string, string[]>;
}

const python = await testPython();

(python === null ? test.skip : test)(
  'Keras loads what is written: same answers, layers, names and compile settings',
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'keras-written-'));
    try {
      const tasks = await writeAll(folder);
      const file = path.join(folder, 'tasks.json');
      await writeFile(file, JSON.stringify(tasks));
      const stdout = await python?.run([path.join(FOLDER, 'check_written.py'), file]);
      const report = JSON.parse(stdout?.trim().split('\n').at(-1) ?? '') as Report;
      expect(report.problems).toEqual({});
      expect(report.checked).toBe(tasks.length);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  600_000,
);

/** Keras 3 does not load recurrent layers in a Functional model of Keras 2: what is written is compared with the outputs. */
const ONLY_KERAS_2 = ['masked_branches.k2.h5'];

/** A .h5 is of the Keras that the model came from; a .keras is always of Keras 3. */
async function writeAll(folder: string): Promise<object[]> {
  const tasks: object[] = [];
  for (const file of READABLE) {
    const model = await readKerasModel(fixture(file));
    for (const format of ['h5', 'keras'] as const) {
      const isKeras3 = file.includes('.k3.');
      const out = path.join(folder, `${file}.${format}`);
      try {
        await writeFile(out, await writeKerasModel({ ...model, format }));
      } catch (error) {
        if (format === 'keras' && (error as { code?: string }).code === 'model_unsupported') continue;
        throw error;
      }
      tasks.push({
        written: out,
        original: format === 'keras' && ONLY_KERAS_2.includes(file) ? null : path.join(FOLDER, file),
        library: isKeras3 || format === 'keras' ? 'keras' : 'tf_keras',
        sameVersion: isKeras3 || format === 'h5',
        expected: expectedOf(file),
      });
    }
    // As if it had never been in Keras.
    const { model_config: bare } = model.topology;
    for (const format of ['h5', 'keras'] as const) {
      const out = path.join(folder, `bare-${file}.${format}`);
      try {
        await writeFile(out, await writeKerasModel({ ...model, topology: bare, format }));
      } catch (error) {
        if ((error as { code?: string }).code === 'model_unsupported') continue;
        throw error;
      }
      tasks.push({
        written: out,
        original: null,
        library: 'keras',
        sameVersion: false,
        expected: expectedOf(file),
      });
    }
  }
  return tasks;
}
