import { expect, test } from '@jest/globals';
import { readdirSync, statSync } from 'node:fs';
import { readText } from './markdown.js';

/** Routes that are registered in the gateway's sources, as "GET /path". */
function routesOfCode(): string[] {
  const files = filesBelow('src/gateway').filter((file) => !file.startsWith('src/gateway/legacy/'));
  const routes = files.flatMap((file) => {
    const calls = readText(file).matchAll(/\.(get|post|put|delete|patch)\(\s*['"`](\/[^'"`]*)['"`]/g);
    return [...calls].map(([, method = '', path = '']) => `${method.toUpperCase()} ${path}`);
  });
  return [...new Set(routes)].sort();
}

/** Routes that stand in a table of the page. */
function routesOfPage(page: string): string[] {
  const rows = readText(page).matchAll(/^\| `((?:GET|POST|PUT|DELETE|PATCH) \/[^`]*)` \|/gm);
  return [...rows].map(([, route = '']) => route).sort();
}

function filesBelow(folder: string): string[] {
  const root = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(root).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (statSync(new URL(name, root)).isDirectory()) return filesBelow(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

test('docs/protocol.md has every HTTP route of the gateway, and no other', () => {
  expect(routesOfCode().length).toBeGreaterThan(20);
  expect(routesOfPage('docs/protocol.md')).toEqual(routesOfCode());
});

test('docs/legacy.md has every HTTP route of the predecessor that is served, and no other', () => {
  const calls = readText('src/gateway/legacy/routes.ts').matchAll(
    /(?:^ {2}|app\.)(get|post)\(\s*['"`](\/[^'"`]*)['"`]/gm,
  );
  const routes = [...calls].map(([, method = '', path = '']) => {
    return `${method.toUpperCase()} ${path.replace('${WEIGHTS_FILE}', 'group1-shard1of1.bin')}`;
  });
  expect(routes.length).toBeGreaterThan(8);
  expect(routesOfPage('docs/legacy.md')).toEqual(routes.sort());
});
