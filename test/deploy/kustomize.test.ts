import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { OVERLAYS, ROOT, appliedResources, kubernetesFolders, type Resource } from './files.js';
import { readKustomization } from './kustomize.js';

test.each(kubernetesFolders().map(({ dir, files }) => [path.relative(ROOT, dir), dir, files] as const))(
  'the kustomization of %s lists every file',
  (_, dir, files) => {
    const { resources, configMapGenerator, patches } = readKustomization(dir);
    const listed = [
      ...resources.filter((name) => !name.startsWith('../')),
      ...configMapGenerator.flatMap(({ envs }) => envs),
      ...patches.flatMap(({ path: file }) => (file === undefined ? [] : [file])),
    ];
    // The example of a secret must never be applied.
    const rest = files.filter((name) => name !== 'kustomization.yaml' && name !== 'secret.example.yaml');
    expect(listed.sort()).toEqual(rest);
  },
);

const tool = ['kubectl', 'kustomize'].find((name) => spawnSync(name, ['version', '--client']).status === 0);

/** Only where there is one: everything else is tested without. */
const withTool = tool === undefined ? [] : OVERLAYS;
if (withTool.length > 0)
  describe('what the tests look at is what is applied', () => {
    test.each(withTool)('%s', (overlay) => {
      const verb = tool === 'kubectl' ? 'kustomize' : 'build';
      const { stdout, stderr } = spawnSync(tool ?? '', [verb, path.join(ROOT, 'k8s/overlays', overlay)], {
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      const hashed = /^ {2}name: cloud-node(-[a-z0-9]{10})$/m.exec(
        stdout.split('---').find((one) => one.includes('kind: ConfigMap')) ?? '',
      )?.[1];
      expect(hashed).toBeDefined();
      const made = parseAllDocuments(stdout.replaceAll(`cloud-node${hashed}`, 'cloud-node'));
      const byName = (all: Resource[]): Record<string, unknown> =>
        Object.fromEntries(all.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
      expect(byName(appliedResources(overlay))).toEqual(
        byName(made.map((document) => document.toJS() as Resource)),
      );
    });
  });
