import { describe, expect, test } from '@jest/globals';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Secret, Service } from 'kubernetes-models/v1';
import { parse, stringify } from 'yaml';
import { OVERLAYS, appliedResources, resourcesOf, type Resource } from './files.js';
import { parseScaledObject, problemsOfScaledObject } from './scaled-object.js';

type Model = new (data: never) => { validate(): void };
const MODELS: Readonly<Record<string, Model>> = {
  'apps/v1/Deployment': Deployment,
  'apps/v1/StatefulSet': StatefulSet,
  'autoscaling/v2/HorizontalPodAutoscaler': HorizontalPodAutoscaler,
  'networking.k8s.io/v1/Ingress': Ingress,
  'networking.k8s.io/v1/NetworkPolicy': NetworkPolicy,
  'policy/v1/PodDisruptionBudget': PodDisruptionBudget,
  'v1/ConfigMap': ConfigMap,
  'v1/Secret': Secret,
  'v1/Service': Service,
};

/**
 * The validators know the type of every field but let unknown ones pass, as Kubernetes' own schemas say. What a
 * validator never looks at is a field that it does not know: so this watches what it looks at.
 */
function watch(value: unknown, at: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
  for (const [key, child] of Object.entries(value)) {
    const name = `${at}.${key}`;
    unread.add(name);
    const watched = watch(child, name, unread);
    Object.defineProperty(copy, key, {
      enumerable: true,
      configurable: true,
      get: () => {
        unread.delete(name);
        return watched;
      },
    });
  }
  return copy;
}

/** @returns the problems that the API server would find with `kubectl apply --validate=strict`, as far as schemas go */
function problemsOf(resource: Resource): string[] {
  if (resource.kind === 'ScaledObject') return problemsOfScaledObject(resource);
  const model = MODELS[`${resource.apiVersion}/${resource.kind}`];
  if (!model) return [`no schema of ${resource.apiVersion} ${resource.kind}`];
  const unread = new Set<string>();
  const watched = watch(resource, resource.kind, unread);
  const problems: string[] = [];
  try {
    // On an object that has its `validate` but not its constructor, which would copy, and so read, everything.
    const bare = Object.create(model.prototype as object, Object.getOwnPropertyDescriptors(watched)) as {
      validate(): void;
    };
    bare.validate();
  } catch (error) {
    problems.push((error as Error).message);
  }
  return [...problems, ...[...unread].map((name) => `${name} is unknown`)];
}

const resources = [
  ...OVERLAYS.flatMap((overlay) =>
    appliedResources(overlay).map((one) => [`${overlay}: ${one.kind} ${one.metadata.name}`, one] as const),
  ),
  ...['try', 'production'].flatMap((overlay) =>
    resourcesOf(`overlays/${overlay}/secret.example.yaml`).map(
      (one) => [`example of ${overlay}: ${one.kind} ${one.metadata.name}`, one] as const,
    ),
  ),
];

/** The object with one change to its text, as somebody would make it by mistake. */
function changed(file: string, kind: string, from: string, to: string): Resource {
  const found = resourcesOf(file).find((one) => one.kind === kind);
  const before = stringify(found);
  expect(before).toContain(from);
  return parse(before.replace(from, to)) as Resource;
}

describe('Kubernetes knows every field and its type', () => {
  test.each(resources)('%s', (_, resource) => {
    expect(problemsOf(resource)).toEqual([]);
  });

  test('and would refuse a misspelt or mistyped one, however deep', () => {
    const source = resourcesOf('base/gateway.yaml')[0];
    const deployment = parse(
      stringify(source)
        .replace('replicas: 2', 'replicas: two')
        .replace('readOnlyRootFilesystem', 'readOnlyRootFileSystem'),
    ) as Resource;
    expect(problemsOf(deployment)).toEqual([
      expect.stringContaining('replicas'),
      'Deployment.spec.template.spec.containers.0.securityContext.readOnlyRootFileSystem is unknown',
    ]);
  });

  test.each([
    ['base/network.yaml', 'NetworkPolicy', 'podSelector', 'podSelectors'],
    ['base/gateway.yaml', 'PodDisruptionBudget', 'maxUnavailable', 'maxUnavailble'],
    ['base/gateway.yaml', 'Service', 'targetPort', 'targetport'],
    ['base/ingress.yaml', 'Ingress', 'pathType', 'pathtype'],
    ['overlays/try/redis.yaml', 'StatefulSet', 'volumeMounts', 'volumeMount'],
    ['overlays/production-hpa/autoscaling.yaml', 'HorizontalPodAutoscaler', 'averageValue', 'averagevalue'],
    ['overlays/production-hpa/autoscaling.yaml', 'HorizontalPodAutoscaler', 'maxReplicas', 'maxReplica'],
    ['overlays/production-keda/autoscaling.yaml', 'ScaledObject', 'maxReplicaCount', 'maxReplicasCount'],
    ['overlays/production-keda/autoscaling.yaml', 'ScaledObject', 'serverAddress', 'serverUrl'],
  ])('%s: %s with %s as %s is refused', (file, kind, from, to) => {
    expect(problemsOf(changed(file, kind, from, to)).join()).toContain(to);
  });

  test('what KEDA hands on to a HorizontalPodAutoscaler is one of its fields', () => {
    for (const one of resourcesOf('overlays/production-keda/autoscaling.yaml')) {
      const { scaleTargetRef, advanced, ...spec } = parseScaledObject(one).spec;
      const { behavior } = advanced?.horizontalPodAutoscalerConfig ?? {};
      expect(behavior).toBeDefined();
      const made = {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: one.metadata.name },
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: scaleTargetRef.name },
          maxReplicas: spec.maxReplicaCount,
          behavior,
        },
      };
      expect(problemsOf(made as Resource)).toEqual([]);
    }
  });
});
