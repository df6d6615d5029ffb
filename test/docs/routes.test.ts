import { expect, test } from '@jest/globals';
import { readdirSync, statSync } from 'node:fs';
import { readText } from './markdown.js';

/** Routes that are registered in the gateway's sources, as "GET /path". */
function routesOfCode(): string[] {
  const routes = filesBelow('src/gateway').flatMap((file) => {
    const calls = readText(file).matchAll(/\.(get|post|put|delete|patch)\(\s*['"`](\/[^'"`]*)['"`]/g);
    return [...calls].map(([, method = '', path = '']) => `${method.toUpperCase()} ${path}`);
  });
  return [...new Set(routes)].sort();
}

/** Routes that stand in a table of the page. */
function routesOfPage(): string[] {
  const rows = readText('docs/protocol.md').matchAll(/^\| `((?:GET|POST|PUT|DELETE|PATCH) \/[^`]*)` \|/gm);
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
  expect(routesOfPage()).toEqual(routesOfCode());
});
