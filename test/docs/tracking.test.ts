import { expect, test } from '@jest/globals';
import { pointsOf } from '../../src/cli/tracking/points.js';
import { sessionView } from '../helpers/session-view.js';
import { readText, tableAfter } from './markdown.js';

test('docs/tracking.md has every metric that is written', () => {
  const written = new Set(
    pointsOf(sessionView('s-1', 2)).map(({ name }) =>
      name.startsWith('round/') ? name : name.replace(/\/.*/, '/…'),
    ),
  );
  const documented = tableAfter(readText('docs/tracking.md'), 'points').map(([name = '']) => name);
  expect(documented.map((name) => name.replaceAll('`', '')).sort()).toEqual([...written].sort());
});
