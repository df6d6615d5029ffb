import { expect, test } from '@jest/globals';
import { ERRORS } from '../../src/protocol/errors.js';
import { readText, tableAfter } from './markdown.js';

test('docs/errors.md lists every code with its status, whether it is retryable, and its advice', () => {
  const documented = tableAfter(readText('docs/errors.md'), 'errors');
  const inCode = Object.entries(ERRORS).map(([code, { status, retryable, advice }]) => {
    return [code, String(status), retryable ? 'yes' : 'no', advice];
  });
  expect(documented).toEqual(inCode);
});

test('advice names only commands and pages that its reader can find', () => {
  const pages = Object.values(ERRORS).flatMap(({ advice }) =>
    [...advice.matchAll(/docs\/[\w./-]+\.md/g)].map(String),
  );
  expect(pages.length).toBeGreaterThan(0);
  for (const page of pages) expect(readText(page)).not.toBe('');
});
