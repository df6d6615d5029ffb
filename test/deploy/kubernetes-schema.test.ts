import { describe, expect, test } from '@jest/globals';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Secret, Service } from 'kubernetes-models/v1';
import { parse, stringify } from 'yaml';
import { baseFiles, resourcesOf, type Resource } from './files.js';

type Model = new (data: never) => { validate(): void };
const MODELS: Readonly<Record<string, Model>> = {
  'apps/v1/Deployment': Deployment,
  'apps/v1/StatefulSet': StatefulSet,
  'networking.k8s.io/v1/Ingress': Ingress,
  'policy/v1/PodDisruptionBudget': PodDisruptionBudget,
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

const resources = baseFiles()
  .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
  .flatMap((file) =>
    resourcesOf(file).map((one) => [`${file}: ${one.kind} ${one.metadata.name}`, one] as const),
  );

describe('Kubernetes knows every field and its type', () => {
  test.each(resources)('%s', (_, resource) => {
    expect(problemsOf(resource)).toEqual([]);
  });

  test('and would refuse a misspelt or mistyped one, however deep', () => {
    const source = resourcesOf('gateway.yaml')[0];
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
});
