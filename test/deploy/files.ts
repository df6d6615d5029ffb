import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { readKustomization, readResources, render, type Resource } from './kustomize.js';

/** The deployment files, read with just the fields that the tests look at. A missing one fails the parse. */

export const ROOT = process.cwd();

export const text = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const texts = z.record(z.string(), z.string());

const service = z.object({
  image: z.string(),
  command: z.array(z.string()).optional(),
  environment: texts.default({}),
  healthcheck: z.object({ test: z.array(z.string()) }),
  restart: z.literal('unless-stopped'),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  tmpfs: z.tuple([z.string().startsWith('/tmp:')]),
  mem_limit: z.string(),
  stop_grace_period: z.string().regex(/^\d+s$/),
  ports: z.array(z.string()).optional(),
  networks: z.array(z.string()),
  build: z.string().optional(),
  pull_policy: z.string().optional(),
});
export type Service = z.infer<typeof service>;

/** The services of docker-compose.yml by name; any of them without the common hardening is refused. */
export function composeServices(): Record<string, Service> {
  const file: unknown = parse(text('docker-compose.yml'), { merge: true });
  return z.object({ services: z.record(z.string(), service) }).parse(file).services;
}

const httpProbe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const probe = z.union([httpProbe, z.object({ exec: z.object({ command: z.array(z.string()) }) })]);
const container = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).optional(),
  env: z.array(
    z.object({
      name: z.string(),
      value: z.string().optional(),
      valueFrom: z
        .object({ secretKeyRef: z.object({ key: z.string(), optional: z.boolean().optional() }) })
        .optional(),
    }),
  ),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })),
  startupProbe: probe.optional(),
  livenessProbe: probe,
  readinessProbe: probe,
  lifecycle: z.object({ preStop: z.object({ exec: z.object({ command: z.array(z.string()) }) }) }).optional(),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
  }),
});
export type Container = z.infer<typeof container>;

const workload = z.object({
  kind: z.enum(['Deployment', 'StatefulSet']),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    // None: an autoscaler says it.
    replicas: z.int().min(1).optional(),
    selector: z.object({ matchLabels: texts }),
    template: z.object({
      metadata: z.object({ labels: texts, annotations: texts.optional() }),
      spec: z.object({
        terminationGracePeriodSeconds: z.int(),
        automountServiceAccountToken: z.literal(false),
        topologySpreadConstraints: z.array(z.object({ topologyKey: z.string() })).optional(),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          runAsUser: z.int().min(1),
          seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
        }),
        initContainers: z.undefined().optional(),
        containers: z.array(container).min(1),
      }),
    }),
  }),
});
export type Workload = z.infer<typeof workload>;

/** Those that are applied; k8s/base alone lacks a Redis. */
export const OVERLAYS = readdirSync(path.join(ROOT, 'k8s/overlays')).sort();
export type { Resource };

const foldersOf = (dir: string): string[] => [
  dir,
  ...readKustomization(dir)
    .resources.map((name) => path.join(dir, name))
    .filter((at) => statSync(at).isDirectory())
    .flatMap(foldersOf),
];

/** Each folder of k8s/ once, with its files. */
export function kubernetesFolders(): { dir: string; files: string[] }[] {
  const dirs = new Set(OVERLAYS.flatMap((overlay) => foldersOf(path.join(ROOT, 'k8s/overlays', overlay))));
  return [...dirs].map((dir) => ({ dir, files: readdirSync(dir).sort() }));
}

export const resourcesOf = (file: string): Resource[] => readResources(path.join(ROOT, 'k8s', file));

/** Everything that `kubectl apply -k k8s/overlays/<overlay>` applies. */
export const appliedResources = (overlay = 'try'): Resource[] =>
  render(path.join(ROOT, 'k8s/overlays', overlay));

/** The workloads of an overlay by name; one whose pods lack the common hardening is refused. */
export function workloads(overlay = 'try'): Record<string, Workload> {
  const found = appliedResources(overlay).filter(
    ({ kind }) => kind === 'Deployment' || kind === 'StatefulSet',
  );
  return Object.fromEntries(found.map((one) => [one.metadata.name, workload.parse(one)]));
}

/** The settings that all roles of an overlay share. */
export function configEnv(overlay = 'try'): Record<string, string> {
  const config = appliedResources(overlay).find(({ kind }) => kind === 'ConfigMap');
  return texts.parse(config?.['data']);
}
