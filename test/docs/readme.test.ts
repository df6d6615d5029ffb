import { expect, test } from '@jest/globals';
import { existsSync, readdirSync } from 'node:fs';
import * as explora from '../../src/explora/index.js';
import * as library from '../../src/library/index.js';
import { jobSchema } from '../../src/protocol/job.js';
import { fences, readText } from './markdown.js';

const PAGES = ['README.md', 'CONTRIBUTING.md'];
const { scripts, exports } = JSON.parse(readText('package.json')) as {
  scripts: Record<string, string>;
  exports: Record<string, string>;
};

/** What `src/cli/commands` adds to the program, subcommands as "repo create". */
function commandsOfCli(): Set<string> {
  const folder = new URL('../../src/cli/commands/', import.meta.url);
  const roles = ['gateway', 'coordinator', 'aggregator', 'evaluator', 'all-in-one'];
  const commands = readdirSync(folder).flatMap((file) => {
    const source = readText(`src/cli/commands/${file}`);
    const calls = [...source.matchAll(/(\w+)\s*\.command\('([\w-]+)'\)/g)];
    return calls.map(([, parent = '', name = '']) => (parent === 'program' ? name : `${parent} ${name}`));
  });
  return new Set([...commands, ...roles]);
}

test.each(PAGES)('npm scripts that %s names exist', (page) => {
  const text = readText(page);
  const named = [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map((match) => match[1] ?? '');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
  if (/\bnpm test\b/.test(text)) expect(scripts).toHaveProperty('test');
});

test.each([...PAGES, 'docs/errors.md'])('cloud-node commands that %s names exist', (page) => {
  const known = commandsOfCli();
  expect(known.size).toBeGreaterThan(15);
  const text = readText(page);
  const named = [...text.matchAll(/(?:npm run cloud-node --|`cloud-node) ([a-z-]+)(?: ([a-z]+))?/g)];
  expect(named.length).toBeGreaterThan(3);
  const unknown = named.filter(([, name = '', second = '']) => {
    return !name.startsWith('-') && !known.has(name) && !known.has(`${name} ${second}`);
  });
  expect(unknown.map(([text]) => text)).toEqual([]);
});

test('the examples of README.md import what is exported', () => {
  const sdks: Readonly<Record<string, object>> = {
    'cloud-node/library': library,
    'cloud-node/explora': explora,
  };
  const imports = fences(readText('README.md'), 'js').flatMap((code) => [
    ...code.matchAll(/import \{ ([^}]+) \} from '([^']+)'/g),
  ]);
  expect(imports.length).toBeGreaterThan(3);
  for (const [, names = '', from = ''] of imports) {
    const source = from.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts');
    if (source !== from) expect(existsSync(new URL(`../../${source}`, import.meta.url))).toBe(true);
    const sdk = sdks[from];
    if (sdk === undefined) continue;
    expect(exports).toHaveProperty([from.replace('cloud-node', '.')]);
    for (const name of names.split(',')) expect(sdk).toHaveProperty(name.trim());
  }
});

test('the job of README.md is a valid one', () => {
  const code = /explora\.submit\((\{[\s\S]*?\n\})\);/.exec(readText('README.md'))?.[1] ?? '';
  const json = code
    .replace(/^\s*modelId,$/m, 'modelId: "m-1",')
    .replaceAll("'", '"')
    .replace(/(\w+):/g, '"$1":')
    .replace(/,(\s*\})/g, '$1');
  expect(jobSchema.safeParse(JSON.parse(json)).error).toBeUndefined();
});
