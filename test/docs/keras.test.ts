import { expect, test } from '@jest/globals';
import { MAX_ACTIVATIONS } from '../../src/keras/bound-activations.js';
import { MAX_PROBE_BYTES } from '../../src/protocol/probe.js';
import { LAYER_RULES } from '../../src/keras/layer-rules.js';
import { expectedOf, fixture, NAMES } from '../keras/fixtures.js';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { readText, tableAfter } from './markdown.js';

test('the limits of a probe are those of the code', () => {
  const page = readText('docs/keras.md');
  expect(page).toContain(`at most ${MAX_ACTIVATIONS} values`);
  expect(page).toContain(`| what layers make for a probe | ${MAX_ACTIVATIONS} values |`);
  expect(readText('docs/security-limits.md')).toContain(`at most ${MAX_ACTIVATIONS} values in all`);
  expect(page).toContain(`at most ${MAX_PROBE_BYTES / 2 ** 20} MiB`);
});

test('docs/keras.md lists every layer that is read, in order', () => {
  const listed = tableAfter(readText('docs/keras.md'), 'layers').map(([layer]) => layer);
  expect(listed).toEqual(Object.keys(LAYER_RULES).sort());
});

test('every layer of the list is in a model whose outputs are compared with those of Keras', async () => {
  const seen = new Set<string>();
  for (const file of NAMES.filter((name) => !expectedOf(name).refused)) {
    const { model_config: model } = (await readKerasModel(fixture(file))).topology;
    JSON.stringify(model, (key, value: unknown) => {
      if (key === 'class_name') seen.add(String(value));
      return value;
    });
  }
  expect(Object.keys(LAYER_RULES).filter((name) => !seen.has(name))).toEqual([]);
});
