import { describe, expect, test } from '@jest/globals';
import { envSchema } from '../../src/config/env.js';
import { NODE_ROLES } from '../../src/protocol/records.js';
import { autoscaledBy } from './autoscalers.js';
import { OVERLAYS, appliedResources, configEnv, resourcesOf, text, workloads } from './files.js';
import type { Container, Resource, Workload } from './files.js';

const roles = NODE_ROLES.map((role) => [role] as const);
const names = Object.keys(envSchema.shape);

describe.each(OVERLAYS)('overlay %s', (overlay) => {
  const applied = appliedResources(overlay);
  const all = workloads(overlay);
  const settings = configEnv(overlay);
  const ofKind = (kind: string): Resource[] => applied.filter((one) => one.kind === kind);
  const workload = (role: string): Workload => {
    const found = all[`cloud-node-${role}`];
    if (!found) throw new Error(`${overlay} has no workload for ${role}`);
    return found;
  };
  const containerOf = (role: string): Container => {
    const [container, ...others] = workload(role).spec.template.spec.containers;
    if (!container || others.length > 0) throw new Error(`${role}: one container is expected`);
    return container;
  };
  const envOf = (role: string): Record<string, string | undefined> =>
    Object.fromEntries(containerOf(role).env.map(({ name, value }) => [name, value]));

  test('no resource is bound to a namespace, and none has the name of another of its kind', () => {
    // The schema of a resource refuses metadata.namespace.
    const keys = applied.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  describe('settings', () => {
    test('every key that all share exists and has a value that it accepts', () => {
      expect(names).toEqual(expect.arrayContaining(Object.keys(settings)));
      expect(envSchema.safeParse(settings).error?.issues).toBeUndefined();
    });

    test.each(roles)('every setting of %s exists and has a value that it accepts', (role) => {
      const env = envOf(role);
      const plain = Object.entries(env).filter(([name]) => !name.endsWith('_FILE'));
      const given = plain.filter(([, value]) => value !== undefined);
      const files = Object.keys(env).filter((name) => name.endsWith('_FILE'));
      expect(names).toEqual(expect.arrayContaining(plain.map(([name]) => name)));
      expect(names).toEqual(expect.arrayContaining(files.map((name) => name.slice(0, -'_FILE'.length))));
      expect(envSchema.safeParse(Object.fromEntries(given)).error?.issues).toBeUndefined();
    });
  });

  describe('roles', () => {
    test('there is one workload for each, and a Redis where there is no other', () => {
      const redis = overlay === 'try' ? ['redis'] : [];
      expect(Object.keys(all).sort()).toEqual(
        [...NODE_ROLES, ...redis].map((role) => `cloud-node-${role}`).sort(),
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
      const drainMs = Number(settings['DRAIN_MS']);
      const { terminationGracePeriodSeconds } = workload(role).spec.template.spec;
      expect(terminationGracePeriodSeconds).toBeGreaterThan((beforeMs + drainMs) / 1_000 + 5);
    });

    test.each(roles)('the probes of %s ask the port that it listens on', (role) => {
      const { startupProbe, livenessProbe, readinessProbe, ports } = containerOf(role);
      const port = role === 'gateway' ? envOf(role)['PORT'] : envOf(role)['METRICS_PORT'];
      expect(ports).toEqual([{ name: expect.any(String), containerPort: Number(port) }]);
      for (const probe of [startupProbe, livenessProbe])
        expect(probe).toMatchObject({ httpGet: { path: '/livez', port: ports[0]?.name } });
      expect(readinessProbe).toMatchObject({ httpGet: { path: '/readyz', port: ports[0]?.name } });
    });

    test.each(roles)('Prometheus finds the numbers of %s', (role) => {
      expect(workload(role).spec.template.metadata.annotations).toEqual({
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': String(containerOf(role).ports[0]?.containerPort),
      });
    });

    test.each(roles)('%s has limits, and requests within them', (role) => {
      const { requests, limits } = containerOf(role).resources;
      expect(mebibytes(requests.memory)).toBeGreaterThan(0);
      expect(mebibytes(limits.memory)).toBeGreaterThanOrEqual(mebibytes(requests.memory));
      if (role !== 'gateway') return;
      const buffers = ['INTAKE_BYTES', 'MODEL_CACHE_BYTES'] as const;
      const parsed = envSchema.parse(settings);
      const bufferBytes = buffers.reduce((sum, name) => sum + parsed[name], 0);
      expect(mebibytes(limits.memory)).toBeGreaterThan(bufferBytes / 2 ** 20 + 256);
    });

    test.each(roles)('%s is spread over machines and zones, and is moved one at a time', (role) => {
      const { spec } = workload(role);
      const labelSelector = spec.selector;
      expect(spec.template.spec.topologySpreadConstraints).toMatchObject([
        { topologyKey: 'kubernetes.io/hostname' },
        { topologyKey: 'topology.kubernetes.io/zone' },
      ]);
      const budget = ofKind('PodDisruptionBudget').find((one) => one.metadata.name === `cloud-node-${role}`);
      expect(budget).toMatchObject({ spec: { maxUnavailable: 1, selector: labelSelector } });
      const deployment = ofKind('Deployment').find((one) => one.metadata.name === `cloud-node-${role}`);
      expect(deployment).toMatchObject({
        spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
      });
    });

    test('may each lose one without losing the pool', () => {
      const scaled = autoscaledBy(applied);
      for (const role of ['gateway', 'coordinator', 'aggregator']) {
        const least = scaled[`cloud-node-${role}`]?.min ?? workload(role).spec.replicas;
        expect([role, least]).toEqual([role, expect.any(Number)]);
        expect(least).toBeGreaterThanOrEqual(2);
      }
    });

    test('have their number from the autoscaler or from the manifest, never from both', () => {
      const scaled = autoscaledBy(applied);
      const none = NODE_ROLES.filter((role) => workload(role).spec.replicas === undefined);
      expect(none.map((role) => `cloud-node-${role}`).sort()).toEqual(Object.keys(scaled).sort());
    });
  });

  describe('the way in', () => {
    test('leads from the ingress over the service to the gateways, unbuffered, and not to their metrics', () => {
      const gateway = ofKind('Service').find((one) => one.metadata.name === 'cloud-node-gateway');
      expect(gateway).toMatchObject({
        spec: {
          selector: workload('gateway').spec.selector.matchLabels,
          ports: [{ name: 'http', targetPort: containerOf('gateway').ports[0]?.name }],
        },
      });
      const backend = { service: { name: gateway?.metadata.name, port: { name: 'http' } } };
      const nobody = { service: { name: 'cloud-node-nobody', port: { name: 'http' } } };
      const [ingress] = ofKind('Ingress');
      expect(ingress).toMatchObject({
        metadata: {
          annotations: {
            'nginx.ingress.kubernetes.io/proxy-request-buffering': 'off',
            'nginx.ingress.kubernetes.io/proxy-buffering': 'off',
            'nginx.ingress.kubernetes.io/proxy-body-size': '0',
          },
        },
        spec: {
          tls: [{ secretName: 'cloud-node-tls' }],
          rules: [
            {
              http: {
                paths: [
                  { path: '/metrics', pathType: 'Exact', backend: nobody },
                  { path: '/', pathType: 'Prefix', backend },
                ],
              },
            },
          ],
        },
      });
      const { spec } = ingress as unknown as {
        spec: { tls: { hosts: string[] }[]; rules: { host: string }[] };
      };
      expect(spec.tls.flatMap(({ hosts }) => hosts)).toEqual(spec.rules.map(({ host }) => host));
      const closed = ofKind('Service').find((one) => one.metadata.name === 'cloud-node-nobody');
      const { selector } = closed?.['spec'] as { selector: Record<string, string> };
      for (const { spec: of } of Object.values(all))
        expect(of.template.metadata.labels).not.toMatchObject(selector);
    });

    test('is the only one: what no policy lets in or out is refused', () => {
      const policies = ofKind('NetworkPolicy').map((one) => ({
        name: one.metadata.name,
        ...(one['spec'] as {
          podSelector: { matchLabels: Record<string, string> };
          policyTypes: string[];
          ingress?: object[];
        }),
      }));
      for (const { metadata, spec } of Object.values(all)) {
        const labels = Object.entries(spec.template.metadata.labels);
        const shut = policies.filter(
          ({ podSelector, policyTypes }) =>
            policyTypes.length === 2 &&
            Object.entries(podSelector.matchLabels).every((wanted) =>
              labels.some((label) => label.join('=') === wanted.join('=')),
            ),
        );
        expect([metadata.name, shut.length]).toEqual([metadata.name, 1]);
      }
      // A rule without `from` would let in everybody.
      for (const { name, ingress = [] } of policies)
        for (const rule of ingress)
          expect([name, Object.keys(rule).sort()]).toEqual([name, ['from', 'ports']]);
    });
  });

  describe('secrets', () => {
    test('are neither applied nor written into a workload', () => {
      expect(ofKind('Secret')).toEqual([]);
      for (const role of Object.keys(all).map((name) => name.slice('cloud-node-'.length))) {
        for (const [name, value] of Object.entries(envOf(role))) {
          if (SECRET.test(name)) expect([name, value]).toEqual([name, undefined]);
        }
      }
      expect(Object.keys(settings).filter((name) => SECRET.test(name))).toEqual([]);
    });

    test('come with the names that the example shows, as files if they are always there', () => {
      const example = `overlays/${overlay === 'try' ? 'try' : 'production'}/secret.example.yaml`;
      const [node, redis] = resourcesOf(example);
      expect(node).toMatchObject({
        metadata: { name: 'cloud-node' },
        stringData: { AUTH_SECRET: 'REPLACE_ME' },
      });
      if (overlay === 'try') expect(redis).toMatchObject({ stringData: { REDIS_PASSWORD: 'REPLACE_ME' } });
      const used = NODE_ROLES.flatMap((role) =>
        containerOf(role).env.flatMap(({ name, value, valueFrom }) => {
          if (valueFrom) {
            expect(valueFrom.secretKeyRef).toMatchObject({ key: name, optional: true });
            return [name];
          }
          if (!name.endsWith('_FILE')) return [];
          const key = name.slice(0, -'_FILE'.length);
          expect(value).toBe(`/run/secrets/cloud-node/${key}`);
          expect(mountedKeys(applied, role)).toContain(key);
          return [key];
        }),
      );
      expect([...new Set(used)].sort()).toEqual(Object.keys(node?.['stringData'] as object).sort());
    });

    test('only the gateway gets those that sign', () => {
      const signs = /AUTH_SECRET|POOL_KEY|POOL_SUCCESSORS/;
      const withIt = NODE_ROLES.filter((role) => signs.test(JSON.stringify(workload(role))));
      expect(withIt).toEqual(['gateway']);
      expect(NODE_ROLES.filter((role) => signs.test(mountedKeys(applied, role).join()))).toEqual(['gateway']);
    });
  });

  test('images are pinned, and the roles have one', () => {
    for (const { spec } of Object.values(all)) {
      for (const { image } of spec.template.spec.containers)
        expect(image).toMatch(/^[\w./-]+:(?!latest)\S+$/);
    }
  });
});

test('Redis keeps what it acknowledged and evicts nothing', () => {
  const redis = text('k8s/overlays/try/redis.yaml');
  expect(redis).toContain('--appendonly yes --appendfsync everysec');
  expect(redis).toContain('--maxmemory-policy noeviction');
  expect(redis).toContain('volumeClaimTemplates');
});

test('the example of a secret is refused where it matters', () => {
  expect(envSchema.safeParse({ AUTH_SECRET: 'REPLACE_ME' }).success).toBe(false);
});

const SECRET = /(SECRET|SECRET_PREVIOUS|PASSWORD|AUTH|REDIS_URL|POOL_KEY|ACCESS_KEY|KEY_ID|TLS_KEY)$/;

function mebibytes(quantity: string): number {
  const [, amount, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity) ?? [];
  return Number(amount) * (unit === 'Gi' ? 1_024 : 1);
}

/** The keys of the secret that a role sees as files. */
function mountedKeys(applied: readonly Resource[], role: string): string[] {
  const found = applied.find(
    (one) => one.kind === 'Deployment' && one.metadata.name === `cloud-node-${role}`,
  );
  const { spec } = found as unknown as {
    spec: { template: { spec: { volumes: { secret?: { items: { key: string; path: string }[] } }[] } } };
  };
  const items = spec.template.spec.volumes.flatMap(({ secret }) => secret?.items ?? []);
  for (const { key, path } of items) expect(path).toBe(key);
  return items.map(({ key }) => key);
}
