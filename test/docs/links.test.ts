import { expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readText } from './markdown.js';

test.each([
  'README.md',
  'CONTRIBUTING.md',
  'docs/architecture.md',
  'docs/protocol.md',
  'docs/errors.md',
  'docs/config.md',
  'docs/legacy.md',
  'docs/library-node.md',
  'docs/keras.md',
  'python/README.md',
  'examples/python-library/README.md',
  'docs/dashboard.md',
  'docs/security-audit.md',
  'docs/metrics.md',
  'docs/traces.md',
  'docs/operate.md',
  'docs/tracking.md',
  'SECURITY.md',
])('links of %s lead somewhere', (page) => {
  const folder = new URL(`../../${page}`, import.meta.url);
  const text = readText(page);
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  const local = targets.filter((target) => !/^[a-z]+:/.test(target));
  for (const target of local) {
    const [file = '', anchor] = target.split('#');
    if (file !== '') expect([target, existsSync(new URL(file, folder))]).toEqual([target, true]);
    if (anchor === undefined || (file !== '' && !file.endsWith('.md'))) continue;
    const headings =
      file === '' ? text : readText(decodeURI(new URL(file, folder).pathname).slice(rootLength()));
    expect([target, anchorsOf(headings).includes(anchor)]).toEqual([target, true]);
  }
});

function rootLength(): number {
  return decodeURI(new URL('../../', import.meta.url).pathname).length;
}

/** As GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) => {
    return (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
  });
}
