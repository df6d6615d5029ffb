import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { parse } from 'yaml';
import { envSchema } from '../../src/config/env.js';
import { slotsWanted } from '../../src/core/rental.js';
import { readText, tableAfter } from './markdown.js';

const page = readText('docs/operate.md');

describe('docs/operate.md', () => {
  test('says under a heading of its own what to do about each alert, and about no other', () => {
    const { groups } = parse(readText('deploy/prometheus/alerts.yml')) as {
      groups: { rules: { alert: string }[] }[];
    };
    const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    const sections = page.split('\n### ').slice(1);
    const headings = sections.map((section) => section.slice(0, section.indexOf('\n')));
    expect(headings.filter((heading) => heading.startsWith('CloudNode'))).toEqual(alerts);
    for (const section of sections) expect(section.split('\n').slice(1).join('').length).toBeGreaterThan(80);
  });

  test('names only settings that exist', () => {
    const names = [...page.matchAll(/\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b/g)].map(([name]) => name);
    // Of the deployments, and of redis-cli.
    const others = ['REDIS_PASSWORD', 'REDISCLI_AUTH', 'MALLOC_ARENA_MAX'];
    const known = [...Object.keys(envSchema.shape), ...others];
    expect([...new Set(names)].filter((name) => !known.includes(name))).toEqual([]);
  });

  test('names only files that exist', () => {
    const files = [...page.matchAll(/\b(?:k8s|deploy|test)\/[\w./-]+\w/g)].map(([file]) => file);
    expect(files.length).toBeGreaterThan(8);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });

  test('sizes by the rule by which slots are wanted', () => {
    const number = (text = ''): number => Number(text.replaceAll(',', ''));
    for (const row of tableAfter(page, 'sizes')) {
      const [libraries = 0, paramCount = 0, expectedUpdates = 0, gateways, aggregators] = row.map(number);
      const slots = slotsWanted({ paramCount, shardCount: Math.ceil(paramCount / 2 ** 18), expectedUpdates });
      expect([row, Math.ceil(slots / 2)]).toEqual([row, aggregators]);
      expect([row, Math.max(2, Math.ceil(libraries / 5_000))]).toEqual([row, gateways]);
      const memory = row[5] ?? '';
      if (!memory.includes('MiB')) continue;
      // Versions, the uploaded model with them, and two parameters' worth for the sums of each gateway.
      const bytes = paramCount * (4 * 20 + 8 * (gateways ?? 0));
      expect([row, `${(bytes / 2 ** 20).toLocaleString('en')} MiB`]).toEqual([
        row,
        memory.replace(/,? or .*/, ''),
      ]);
    }
  });
});
