import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { AUDIT_ACTIONS, auditEntry, hashedText } from '../../src/protocol/audit.js';
import { fenceAfter, readText, tableAfter } from './markdown.js';

const page = readText('docs/security-audit.md');

test('docs/security-audit.md lists every action with its meaning', () => {
  expect(tableAfter(page, 'audit-actions')).toEqual(Object.entries(AUDIT_ACTIONS));
});

test('and shows an entry whose hash is right', () => {
  const entry = auditEntry.parse(JSON.parse(fenceAfter(page, 'audit-entry')));
  expect(createHash('sha256').update(hashedText(entry)).digest('hex')).toBe(entry.sha256);
});
