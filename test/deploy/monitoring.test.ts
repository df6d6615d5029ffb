import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import * as z from 'zod';
import { ERRORS } from '../../src/protocol/errors.js';
import { SESSION_STATES } from '../../src/core/session.js';
import { NODE_ROLES } from '../../src/protocol/records.js';
import { metrics, metricsText } from '../../src/telemetry/metrics.js';
import { readText, tableAfter } from '../docs/markdown.js';
import { text } from './files.js';
import { readQuery } from './promql.js';

interface Defined {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly buckets?: readonly number[];
}
const defined = Object.values(metrics) as unknown as Defined[];

/** What Prometheus adds itself. */
const OUTER_LABELS = ['instance', 'job', 'le'];
const labelsOf = new Map<string, readonly string[]>(
  defined.flatMap(({ name, labelNames, buckets }) => {
    const suffixes = buckets === undefined ? [''] : ['_bucket', '_sum', '_count'];
    return suffixes.map((suffix) => [`${name}${suffix}`, [...labelNames, ...OUTER_LABELS]] as const);
  }),
);

const dashboard = z
  .object({
    uid: z.string(),
    panels: z.array(
      z.object({
        id: z.int(),
        type: z.enum(['row', 'timeseries', 'stat']),
        title: z.string().min(1),
        description: z.string().min(1).optional(),
        gridPos: z.object({ h: z.int(), w: z.int(), x: z.int(), y: z.int() }),
        targets: z
          .array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() }))
          .optional(),
      }),
    ),
  })
  .parse(JSON.parse(text('deploy/grafana/cloud-node.json')));

const alerts = z
  .strictObject({
    groups: z.array(
      z.strictObject({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^CloudNode[A-Z]\w+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+[smh]$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
            annotations: z.strictObject({
              summary: z.string().endsWith('.'),
              description: z.string().endsWith('.'),
            }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(text('deploy/prometheus/alerts.yml')));
const rules = alerts.groups.flatMap((group) => group.rules);

const queries = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
];

/** Values that a label of ours may have, where the code says so in one place. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  role: NODE_ROLES,
  kind: ['total', 'wanted', 'granted', 'model', 'test_set'],
  outcome: ['published', 'abandoned', 'done', 'failed'],
  state: [...SESSION_STATES, 'accepted', 'declined'],
  result: ['accepted', 'duplicate', ...Object.keys(ERRORS)],
  status: [...new Set(Object.values(ERRORS).map(({ status }) => String(status)))],
};

describe('every query of the dashboard and of the alerts', () => {
  test.each(queries)('%s: %s', async (_, expr) => {
    const { problem, metrics: names, labels, values } = readQuery(expr);
    expect(problem).toBeNull();
    expect(names.length).toBeGreaterThan(0);
    // Those of Node itself are listed only once they are asked for.
    const offered = [...(await metricsText()).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name);
    for (const name of names) expect([...labelsOf.keys(), ...offered]).toContain(name);
    const known = names.flatMap((name) => labelsOf.get(name) ?? OUTER_LABELS);
    for (const label of labels) expect(known).toContain(label);
    for (const { label, value } of values)
      expect([label, VALUES[label]]).toEqual([label, expect.arrayContaining([value])]);
  });

  test('and a misspelt name, a label that is not there and bad grammar would be seen', () => {
    expect(readQuery('sum(rate(cloud_node_rounds_total[5m])').problem).not.toBeNull();
    expect(readQuery('sum by (x) (cloud_node_slots{kind=~"a|b"})')).toEqual({
      problem: null,
      metrics: ['cloud_node_slots'],
      labels: ['x', 'kind'],
      values: [
        { label: 'kind', value: 'a' },
        { label: 'kind', value: 'b' },
      ],
    });
  });
});

test('there is no number that nobody looks at', () => {
  const asked = queries.flatMap(([, expr]) => readQuery(expr).metrics);
  const bare = new Set(asked.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  expect(defined.map(({ name }) => name).filter((name) => !bare.has(name))).toEqual([]);
});

test('panels have ids and places of their own', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: h * w }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
});

test('alerts have names of their own, and docs/metrics.md lists them with what they mean', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  const listed = tableAfter(readText('docs/metrics.md'), 'alerts');
  expect(listed).toEqual(
    rules.map(({ alert, annotations }) => [
      alert,
      annotations.summary.replace(/\{\{ \$labels\.(\w+) \}\}/g, '($1)'),
      annotations.description,
    ]),
  );
});

test('docs/metrics.md lists every metric with its labels and meaning', () => {
  const listed = tableAfter(readText('docs/metrics.md'), 'metrics');
  expect(listed).toEqual(
    defined.map(({ name, help, labelNames }) => [name, labelNames.join(', ') || '—', help]),
  );
});

test('no label names a tenant, a person or a thing of which there is no end', () => {
  const unbounded = /repo|session|library|key|model|token|address|id$/i;
  for (const { name, labelNames } of defined) {
    for (const label of labelNames) expect([name, unbounded.test(label)]).toEqual([name, false]);
  }
});
