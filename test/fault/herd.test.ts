import { expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { spawnNode } from '../helpers/processes.js';

const HERD = 1_000;

test('a thousand Libraries lose their gateway at once: all are back on another, and a session beside goes on', async () => {
  const pool = await startPool({ roles: { gateway: 2 } });
  const [doomed, other] = pool.gateways;
  const herd = await pool.repo();
  const libraries = Object.fromEntries(Array.from({ length: HERD }, (_, i) => [`lib-${i}`, 1]));
  const options = {
    urls: [doomed?.url, other?.url],
    apiKey: herd.apiKey,
    libraries,
    trainMs: 0,
    startAtFirst: true,
  };
  const host = spawnNode(['dist/bench/chaos/library-host.js', JSON.stringify(options)]);
  const status = async (): Promise<{ librariesOnline: number }> =>
    (await (
      await pool.fetch(`/v1/repos/${herd.repoId}`, other === undefined ? {} : { gateway: other })
    ).json()) as { librariesOnline: number };
  const connections = async (): Promise<number> => {
    const answer = await pool.fetch('/v1/pool', other === undefined ? {} : { gateway: other });
    const { nodes } = (await answer.json()) as {
      nodes: { role: string; url: string; connections: number }[];
    };
    return nodes
      .filter((node) => node.role === 'gateway' && node.url === other?.url)
      .reduce((sum, node) => sum + node.connections, 0);
  };
  await eventually(async () => (await status()).librariesOnline === HERD, { withinMs: 30_000, everyMs: 200 });

  const beside = await pool.repo();
  const { modelId } = await beside.explora.uploadModel(denseModel(5, 5));
  const names = ['a', 'b', 'c'];
  for (const libraryId of names)
    await pool
      .library({ apiKey: beside.apiKey, libraryId, numExamples: 5, trainMs: 50, urls: [other?.url ?? ''] })
      .join();
  const explora = beside.explora;
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: 3 },
    continuation: { value: 1 },
    deadlines: { roundMs: 5_000, maxRoundRetries: 0 },
    evaluation: { on: 'none' },
    termination: { maxRounds: 30 },
  });
  await doomed?.kill9();
  // The herd's three neighbours have connections too.
  await eventually(async () => (await connections()) >= HERD, { withinMs: 15_000, everyMs: 200 });
  const view = await session.result();
  expect(view).toMatchObject({ state: 'completed', version: 30 });
  expect(host.lines.filter((line) => line.includes('"error"'))).toEqual([]);
}, 90_000);
