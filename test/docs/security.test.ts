import { expect, test } from '@jest/globals';
import { EVENTS, ROUTES, type Who } from '../../src/gateway/auth/access.js';
import { readText, tableAfter } from './markdown.js';

const COLUMNS = ['anyone', 'admin', 'owner', 'explora', 'dashboard', 'library'];

function rows(table: Readonly<Record<string, Who>>): string[][] {
  return Object.entries(table).map(([name, who]) => {
    const letIn: readonly string[] = typeof who === 'string' ? [who] : who;
    return [name, ...COLUMNS.map((column) => (letIn.includes(column) ? 'yes' : ''))];
  });
}

test('docs/security.md says of every route who may use it, as the code does', () => {
  expect(tableAfter(readText('docs/security.md'), 'routes')).toEqual(rows(ROUTES));
});

test('docs/security.md says of every socket event who may use it, as the code does', () => {
  expect(tableAfter(readText('docs/security.md'), 'events')).toEqual(rows(EVENTS));
});
