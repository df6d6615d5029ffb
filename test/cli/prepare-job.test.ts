import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { prepareJob } from '../../src/cli/prepare-job.js';
import { Explora } from '../../src/explora/explora.js';

let folder = '';
const at = (name: string): string => path.join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cn-job-'));
  await writeFile(at('job.json'), JSON.stringify({ modelId: 'm-1', hyperparams: { batchSize: 1 } }));
  await writeFile(at('probe.json'), JSON.stringify({ inputs: [1], outputs: [] }));
  await writeFile(at('list.json'), '[]');
});
afterAll(() => rm(folder, { recursive: true }));

/** Nothing is uploaded: the job names its model. */
const nowhere = new Explora({ url: 'http://127.0.0.1:9', token: 'none', repoId: 'none' });
const prepare = (probe: string): Promise<object> =>
  prepareJob(nowhere, { job: at('job.json'), probe: at(probe) }, () => undefined);

test('a probe of its own file becomes a field of the job, as it is', async () => {
  expect(await prepare('probe.json')).toEqual({
    modelId: 'm-1',
    hyperparams: { batchSize: 1 },
    probe: { inputs: [1], outputs: [] },
  });
});

test('a file that is none is named', async () => {
  await expect(prepare('none.json')).rejects.toThrow(/The probe .*none\.json cannot be read: ENOENT/);
  await expect(prepare('list.json')).rejects.toThrow(/The probe .*list\.json is not a JSON object/);
});
