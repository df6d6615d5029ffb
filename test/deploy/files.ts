import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';

/** The deployment files, read with just the fields that the tests look at. A missing one fails the parse. */

export const ROOT = process.cwd();
export const BASE = path.join(ROOT, 'k8s/base');

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
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })),
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
    replicas: z.int().min(1),
    selector: z.object({ matchLabels: texts }),
    template: z.object({
      metadata: z.object({ labels: texts }),
      spec: z.object({
        terminationGracePeriodSeconds: z.int(),
        automountServiceAccountToken: z.literal(false),
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

const resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.undefined().optional() }),
});
export type Resource = z.infer<typeof resource>;

export const baseFiles = (): string[] => readdirSync(BASE).sort();

export function resourcesOf(file: string): Resource[] {
  return parseAllDocuments(text(`k8s/base/${file}`)).map((document) => resource.parse(document.toJS()));
}

const kustomizationSchema = z.object({
  resources: z.array(z.string()),
  configMapGenerator: z.array(z.object({ name: z.string(), envs: z.array(z.string()) })),
});

export const kustomization = (): z.infer<typeof kustomizationSchema> =>
  kustomizationSchema.parse(parse(text('k8s/base/kustomization.yaml')));

/** Everything that `kubectl apply -k k8s/base` applies, except the generated ConfigMap. */
export const appliedResources = (): Resource[] => kustomization().resources.flatMap(resourcesOf);

/** The workloads of the base by name; one whose pods lack the common hardening is refused. */
export function workloads(): Record<string, Workload> {
  const found = appliedResources().filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
  return Object.fromEntries(found.map((one) => [one.metadata.name, workload.parse(one)]));
}

/** The settings of k8s/base/config.env. */
export function configEnv(): Record<string, string> {
  const lines = text('k8s/base/config.env')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
