import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';

/**
 * What `kubectl kustomize` makes of a folder, as far as k8s/ uses it, so that the tests need no tool and no network.
 * Whatever else a kustomization says is refused. Where there is a kubectl, a test compares the two.
 */

const texts = z.record(z.string(), z.string());
const operation = z.strictObject({
  op: z.enum(['add', 'replace', 'remove']),
  path: z.string().startsWith('/'),
  value: z.unknown().optional(),
});
const schema = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  resources: z.array(z.string()),
  configMapGenerator: z
    .array(
      z.strictObject({
        name: z.string(),
        behavior: z.literal('merge').optional(),
        envs: z.array(z.string()),
      }),
    )
    .default([]),
  labels: z.array(z.strictObject({ pairs: texts, includeTemplates: z.literal(true) })).default([]),
  images: z
    .array(z.strictObject({ name: z.string(), newName: z.string().optional(), newTag: z.string() }))
    .default([]),
  patches: z
    .array(
      z.strictObject({
        target: z.strictObject({ kind: z.string(), name: z.string().default('.*') }),
        path: z.string().optional(),
        patch: z.string().optional(),
      }),
    )
    .default([]),
});
export type Kustomization = z.infer<typeof schema>;

const resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.undefined().optional() }),
});
export type Resource = z.infer<typeof resource>;

/** @throws when it has a field that this does not know */
export const readKustomization = (dir: string): Kustomization =>
  schema.parse(parse(readFileSync(path.join(dir, 'kustomization.yaml'), 'utf8')));

export const readResources = (file: string): Resource[] =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => resource.parse(document.toJS()));

/** The settings of an env file. */
export function readSettings(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** @returns all resources that `kubectl apply -k dir` applies; ConfigMaps without the hash in their names */
export function render(dir: string): Resource[] {
  const { resources, configMapGenerator, labels, images, patches } = readKustomization(dir);
  const all = resources.flatMap((name) => {
    const at = path.join(dir, name);
    if (!existsSync(at)) throw new Error(`${dir}: there is no ${name}`);
    return statSync(at).isDirectory() ? render(at) : readResources(at);
  });
  for (const { name, behavior, envs } of configMapGenerator) {
    const data = Object.assign({}, ...envs.map((file) => readSettings(path.join(dir, file)))) as object;
    const present = all.find((one) => one.kind === 'ConfigMap' && one.metadata.name === name);
    if ((present !== undefined) !== (behavior === 'merge')) throw new Error(`${dir}: ConfigMap ${name}`);
    if (present) Object.assign(present['data'] as object, data);
    else all.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  }
  for (const { target, path: file, patch } of patches) {
    const text = file === undefined ? (patch ?? '') : readFileSync(path.join(dir, file), 'utf8');
    const operations = z.array(operation).min(1).parse(parse(text));
    const name = new RegExp(`^(${target.name})$`);
    const targets = all.filter((one) => one.kind === target.kind && name.test(one.metadata.name));
    if (targets.length === 0) throw new Error(`${dir}: nothing is ${target.kind} ${target.name}`);
    for (const one of targets) for (const operation of operations) apply(one, operation);
  }
  for (const { pairs } of labels) {
    for (const { metadata, spec } of all as Labelled[]) {
      metadata.labels = { ...metadata.labels, ...pairs };
      if (spec?.template) spec.template.metadata.labels = { ...spec.template.metadata.labels, ...pairs };
    }
  }
  for (const { name, newName, newTag } of images) {
    for (const { spec } of all as Labelled[]) {
      for (const container of spec?.template?.spec.containers ?? []) {
        if (container.image.replace(/:[^:/]+$/, '') === name)
          container.image = `${newName ?? name}:${newTag}`;
      }
    }
  }
  return all;
}

interface Labelled {
  metadata: { labels?: Record<string, string> };
  spec?: {
    template?: {
      metadata: { labels?: Record<string, string> };
      spec: { containers: { image: string }[] };
    };
  };
}

/** One operation of RFC 6902, on the way to which everything must be there. */
function apply(target: object, { op, path: pointer, value }: z.infer<typeof operation>): void {
  const keys = pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  let at = target as Record<string, unknown>;
  for (const key of keys) {
    const next = at[key];
    if (typeof next !== 'object' || next === null) throw new Error(`${pointer}: there is no ${key}`);
    at = next as Record<string, unknown>;
  }
  const copy = structuredClone(value);
  if (Array.isArray(at) && op === 'add' && last === '-') return void at.push(copy);
  if (Array.isArray(at) && op !== 'replace') throw new Error(`${pointer}: moves what is behind it`);
  if (op !== 'add' && !(last in at)) throw new Error(`${pointer}: there is no ${last}`);
  if (op === 'remove') delete at[last];
  else at[last] = copy;
}
