import { expect, test } from '@jest/globals';
import { parseEnv } from '../../src/config/env.js';
import { ERRORS } from '../../src/protocol/errors.js';
import { MAX_MODEL_HEADER_BYTES, MAX_UPDATE_HEADER_BYTES } from '../../src/protocol/frame.js';
import { MAX_INLINE_UPDATE_BYTES } from '../../src/protocol/library.js';
import { MAX_JSON_DEPTH } from '../../src/protocol/parse.js';
import { readText, tableAfter } from './markdown.js';

const page = readText('docs/security-limits.md');

test('the table of limits has the defaults of the configuration, and errors that exist', () => {
  const defaults = parseEnv({}) as Readonly<Record<string, unknown>>;
  const rows = tableAfter(page, 'limits');
  expect(rows.length).toBeGreaterThan(20);
  for (const [name = '', value, happens = ''] of rows) {
    expect([name, value]).toEqual([name, String(defaults[name])]);
    const codes = [...happens.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code ?? '');
    for (const code of codes) expect(Object.keys(ERRORS)).toContain(code);
  }
  // None is forgotten.
  const limits = Object.keys(defaults).filter((name) =>
    /^(MAX_|RATE_|REPO_|STRANGER_|BODY_|HEADER_)/.test(name),
  );
  const known = rows.map(([name]) => name);
  expect(limits.filter((name) => name !== 'MAX_USED_MEMORY_BYTES' && !known.includes(name))).toEqual([]);
});

test('the limits of the protocol are those of the code', () => {
  expect(page).toContain(`${MAX_JSON_DEPTH} levels deep`);
  expect(page).toContain(
    `header of an update has at most ${MAX_UPDATE_HEADER_BYTES} bytes, that of a model ${MAX_MODEL_HEADER_BYTES}, an update over a socket ${MAX_INLINE_UPDATE_BYTES} bytes`,
  );
});
