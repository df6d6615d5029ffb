import * as z from 'zod';
import type { Resource } from './files.js';
import { parseScaledObject } from './scaled-object.js';

const autoscaler = z.object({
  scaleTargetRef: z.object({ name: z.string() }),
  minReplicas: z.int(),
  maxReplicas: z.int(),
  metrics: z.array(
    z.union([
      z.object({
        external: z.object({
          metric: z.object({
            name: z.string(),
            selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
          }),
          target: z.object({ averageValue: z.string() }),
        }),
      }),
      z.object({
        pods: z.object({
          metric: z.object({ name: z.string() }),
          target: z.object({ averageValue: z.string() }),
        }),
      }),
    ]),
  ),
});

export interface Autoscaled {
  readonly min: number;
  readonly max: number;
  /** As Prometheus would be asked, and how much of it one pod is for. */
  readonly metrics: readonly { readonly query: string; readonly perPod: number }[];
  readonly behavior: unknown;
}

/** What scales by itself, by the name of its Deployment: by a HorizontalPodAutoscaler or by KEDA. */
export function autoscaledBy(applied: readonly Resource[]): Record<string, Autoscaled> {
  const found = applied.flatMap((one): [string, Autoscaled][] => {
    if (one.kind === 'HorizontalPodAutoscaler') {
      const { scaleTargetRef, minReplicas: min, maxReplicas: max, metrics } = autoscaler.parse(one['spec']);
      const { behavior } = one['spec'] as { behavior: unknown };
      const asked = metrics.map((metric) => {
        if ('pods' in metric) {
          const { metric: series, target } = metric.pods;
          return { query: series.name, perPod: Number(target.averageValue) };
        }
        const { metric: series, target } = metric.external;
        const labels = Object.entries(series.selector.matchLabels);
        const matchers = labels.map(([name, value]) => `${name}="${value}"`).join();
        return { query: `${series.name}{${matchers}}`, perPod: Number(target.averageValue) };
      });
      return [[scaleTargetRef.name, { min, max, metrics: asked, behavior }]];
    }
    if (one.kind !== 'ScaledObject') return [];
    const {
      scaleTargetRef,
      minReplicaCount = 0,
      maxReplicaCount = 0,
      triggers,
      advanced,
    } = parseScaledObject(one).spec;
    const asked = triggers.map(({ metadata }) => {
      // Over all pods, whichever way: what is left is the series itself.
      const query = /^(?:max|sum)\((.+)\)$/.exec(metadata.query)?.[1] ?? metadata.query;
      return { query, perPod: Number(metadata.threshold) };
    });
    const behavior = advanced?.horizontalPodAutoscalerConfig?.behavior;
    return [[scaleTargetRef.name, { min: minReplicaCount, max: maxReplicaCount, metrics: asked, behavior }]];
  });
  return Object.fromEntries(found);
}
