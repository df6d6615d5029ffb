import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import * as z from 'zod';
import { metrics } from '../../src/telemetry/metrics.js';
import { autoscaledBy } from './autoscalers.js';
import { OVERLAYS, appliedResources, text, workloads } from './files.js';

const defined = new Map(
  (Object.values(metrics) as unknown as { name: string; labelNames: readonly string[] }[]).map(
    ({ name, labelNames }) => [name, labelNames],
  ),
);
const scaling = OVERLAYS.filter((overlay) => Object.keys(autoscaledBy(appliedResources(overlay))).length > 0);

test('there are two ways to scale, and they do the same', () => {
  expect(scaling).toEqual(['production-hpa', 'production-keda']);
  const [hpa, keda] = scaling.map((overlay) => autoscaledBy(appliedResources(overlay)));
  expect(keda).toEqual(hpa);
});

test.each(scaling)('%s follows numbers that the pool has', (overlay) => {
  const scaled = autoscaledBy(appliedResources(overlay));
  expect(Object.keys(scaled).sort()).toEqual(['cloud-node-aggregator', 'cloud-node-gateway']);
  for (const { metrics: asked, min, max } of Object.values(scaled)) {
    expect(max).toBeGreaterThan(min);
    for (const { query } of asked) {
      const [, name = '', label = null] = /^(\w+)(?:\{(\w+)="\w+"\})?$/.exec(query) ?? [];
      expect([query, defined.has(name)]).toEqual([query, true]);
      if (label !== null) expect(defined.get(name)).toContain(label);
    }
  }
});

test.each(scaling)('%s gives an aggregator as many slots to work on as it has', (overlay) => {
  const { env } = workloads(overlay)['cloud-node-aggregator']?.spec.template.spec.containers[0] ?? {
    env: [],
  };
  const slots = Number(env.find(({ name }) => name === 'AGGREGATOR_SLOTS')?.value);
  const { 'cloud-node-aggregator': aggregator } = autoscaledBy(appliedResources(overlay));
  expect(aggregator?.metrics).toEqual([{ query: 'cloud_node_slots{kind="wanted"}', perPod: slots }]);
});

test('prometheus-adapter is told of both', () => {
  const rule = z.strictObject({
    seriesQuery: z.string(),
    resources: z.strictObject({
      overrides: z.record(z.string(), z.strictObject({ resource: z.string() })),
    }),
    metricsQuery: z.string(),
  });
  const { rules } = z
    .strictObject({ rules: z.strictObject({ external: z.array(rule), custom: z.array(rule) }) })
    .parse(parse(text('deploy/prometheus/adapter.yml')));
  const seriesOf = (all: z.infer<typeof rule>[]): string[] =>
    all.map(({ seriesQuery, metricsQuery }) => {
      const series = seriesQuery.replace(/\{.*/, '');
      expect(metricsQuery).toContain(`(${series}{<<.LabelMatchers>>})`);
      return series;
    });
  expect(seriesOf(rules.external)).toEqual(['cloud_node_slots']);
  expect(seriesOf(rules.custom)).toEqual(['cloud_node_connections']);
});
