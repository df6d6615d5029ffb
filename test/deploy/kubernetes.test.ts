import { describe, expect, test } from '@jest/globals';
import { envSchema } from '../../src/config/env.js';
import { NODE_ROLES } from '../../src/protocol/records.js';
import {
  BASE,
  appliedResources,
  baseFiles,
  configEnv,
  kustomization,
  resourcesOf,
  text,
  workloads,
} from './files.js';
import type { Container, Workload } from './files.js';

const all = workloads();
const roles = NODE_ROLES.map((role) => [role] as const);
const names = Object.keys(envSchema.shape);

const workload = (role: string): Workload => {
  const found = all[`cloud-node-${role}`];
  if (!found) throw new Error(`${BASE} has no workload for ${role}`);
  return found;
};
const containerOf = (role: string): Container => {
  const [container, ...others] = workload(role).spec.template.spec.containers;
  if (!container || others.length > 0) throw new Error(`${role}: one container is expected`);
  return container;
};
const envOf = (role: string): Record<string, string | undefined> =>
  Object.fromEntries(containerOf(role).env.map(({ name, value }) => [name, value]));

test('the kustomization lists every file', () => {
  const { resources, configMapGenerator } = kustomization();
  const listed = [...resources, ...configMapGenerator.flatMap(({ envs }) => envs)];
  // The example of a secret must never be applied.
  expect([...listed, 'kustomization.yaml', 'secret.example.yaml'].sort()).toEqual(baseFiles());
});

test('no resource is bound to a namespace, and none has the name of another of its kind', () => {
  // The schema of a resource refuses metadata.namespace.
  const keys = appliedResources().map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  expect(new Set(keys).size).toBe(keys.length);
});

describe('settings', () => {
  test('every key of config.env exists and has a value that it accepts', () => {
    expect(names).toEqual(expect.arrayContaining(Object.keys(configEnv())));
    expect(envSchema.safeParse(configEnv()).error?.issues).toBeUndefined();
  });

  test.each(roles)('every setting of %s exists and has a value that it accepts', (role) => {
    const env = envOf(role);
    const plain = Object.entries(env).filter(([name]) => !name.endsWith('_FILE'));
    const files = Object.keys(env).filter((name) => name.endsWith('_FILE'));
    expect(names).toEqual(expect.arrayContaining(plain.map(([name]) => name)));
    expect(names).toEqual(expect.arrayContaining(files.map((name) => name.slice(0, -'_FILE'.length))));
    expect(envSchema.safeParse(Object.fromEntries(plain)).error?.issues).toBeUndefined();
  });
});

describe('roles', () => {
  test('there is one workload for each, and a Redis to try them with', () => {
    expect(Object.keys(all).sort()).toEqual(
      [...NODE_ROLES, 'redis'].map((role) => `cloud-node-${role}`).sort(),
    );
  });

  test.each(roles)('%s runs that role of the one image', (role) => {
    const { args, image } = containerOf(role);
    expect({ args, image }).toEqual({ args: [role], image: containerOf('gateway').image });
  });

  test.each(roles)('%s selects its own pods', (role) => {
    const { selector, template } = workload(role).spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(selector.matchLabels['app.kubernetes.io/component']).toBe(role);
  });

  test.each(roles)('%s has time to drain before it is killed', (role) => {
    // What runs before SIGTERM takes its time from the same period.
    const preStop = containerOf(role).lifecycle?.preStop.exec.command.join(' ') ?? '';
    const beforeMs = Number(/setTimeout\(.*, (\d+)\)/.exec(preStop)?.[1] ?? 0);
    const drainMs = Number(configEnv()['DRAIN_MS']);
    const { terminationGracePeriodSeconds } = workload(role).spec.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThan((beforeMs + drainMs) / 1_000 + 5);
  });

  test.each(roles)('the probes of %s ask the port that it listens on', (role) => {
    const { livenessProbe, readinessProbe, ports } = containerOf(role);
    const port = role === 'gateway' ? envOf(role)['PORT'] : envOf(role)['METRICS_PORT'];
    expect(ports).toEqual([{ name: expect.any(String), containerPort: Number(port) }]);
    expect(livenessProbe).toMatchObject({ httpGet: { path: '/livez', port: ports[0]?.name } });
    expect(readinessProbe).toMatchObject({ httpGet: { path: '/readyz', port: ports[0]?.name } });
  });

  test('may each lose one without losing the pool', () => {
    for (const role of ['gateway', 'coordinator', 'aggregator']) {
      expect(workload(role).spec.replicas).toBeGreaterThanOrEqual(2);
    }
    const budget = appliedResources().find(({ kind }) => kind === 'PodDisruptionBudget');
    expect(budget).toMatchObject({ spec: { selector: workload('gateway').spec.selector } });
  });
});

describe('the way in', () => {
  test('leads from the ingress over the service to the gateways, unbuffered', () => {
    const gateway = resourcesOf('gateway.yaml').find(({ kind }) => kind === 'Service');
    expect(gateway).toMatchObject({
      spec: {
        selector: workload('gateway').spec.selector.matchLabels,
        ports: [{ name: 'http', targetPort: containerOf('gateway').ports[0]?.name }],
      },
    });
    const backend = { service: { name: gateway?.metadata.name, port: { name: 'http' } } };
    expect(resourcesOf('ingress.yaml')[0]).toMatchObject({
      metadata: {
        annotations: {
          'nginx.ingress.kubernetes.io/proxy-request-buffering': 'off',
          'nginx.ingress.kubernetes.io/proxy-buffering': 'off',
          'nginx.ingress.kubernetes.io/proxy-body-size': '0',
        },
      },
      spec: { rules: [{ http: { paths: [{ path: '/', backend }] } }] },
    });
  });
});

test('Redis keeps what it acknowledged and evicts nothing', () => {
  const redis = text('k8s/base/redis.yaml');
  expect(redis).toContain('--appendonly yes --appendfsync everysec');
  expect(redis).toContain('--maxmemory-policy noeviction');
  expect(redis).toContain('volumeClaimTemplates');
});

test('images are pinned', () => {
  for (const { spec } of Object.values(all)) {
    for (const { image } of spec.template.spec.containers) expect(image).toMatch(/^[\w./-]+:(?!latest)\S+$/);
  }
  expect(text('k8s/base/kustomization.yaml')).not.toMatch(/newTag: '?latest/);
});

describe('secrets', () => {
  test('are neither applied nor written into a workload', () => {
    expect(appliedResources().filter(({ kind }) => kind === 'Secret')).toEqual([]);
    for (const role of [...NODE_ROLES, 'redis']) {
      for (const [name, value] of Object.entries(envOf(role))) {
        if (/(SECRET|PASSWORD|AUTH|REDIS_URL)$/.test(name)) expect(value).toBeUndefined();
      }
    }
    expect(configEnv()).not.toHaveProperty('AUTH_SECRET');
    expect(configEnv()).not.toHaveProperty('REDIS_URL');
  });

  test('come as files with the names that the example shows', () => {
    const [node, redis] = resourcesOf('secret.example.yaml');
    expect(node).toMatchObject({
      metadata: { name: 'cloud-node' },
      stringData: { AUTH_SECRET: 'REPLACE_ME' },
    });
    expect(redis).toMatchObject({ stringData: { REDIS_PASSWORD: 'REPLACE_ME' } });
    const keys = Object.keys(node?.['stringData'] as object);
    for (const role of NODE_ROLES) {
      for (const [name, file] of Object.entries(envOf(role)).filter(([one]) => one.endsWith('_FILE'))) {
        const key = name.slice(0, -'_FILE'.length);
        expect(keys).toContain(key);
        expect(file).toBe(`/run/secrets/cloud-node/${key}`);
      }
    }
  });

  test('only the gateway gets the one that signs tokens', () => {
    const withIt = NODE_ROLES.filter((role) => text(`k8s/base/${role}.yaml`).includes('AUTH_SECRET'));
    expect(withIt).toEqual(['gateway']);
  });

  test('the example is refused where it matters', () => {
    expect(envSchema.safeParse({ AUTH_SECRET: 'REPLACE_ME' }).success).toBe(false);
  });
});
