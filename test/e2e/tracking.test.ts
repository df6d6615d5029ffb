import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { readEvents } from '../../src/cli/tracking/event-file.js';
import { pointKey } from '../../src/cli/tracking/points.js';
import { eventually } from '../helpers/eventually.js';
import { joinedSession } from '../helpers/joined-session.js';
import { startFakeMlflow } from '../helpers/mlflow.js';
import { startPool } from '../helpers/pool.js';
import { spawnNode, type NodeProcess } from '../helpers/processes.js';

test('cloud-node watch writes metrics while the session runs, and nothing twice when it is called again', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'cn-watch-'));
  const mlflow = await startFakeMlflow();
  try {
    const pool = await startPool();
    const { repoId, session } = await joinedSession(pool, { libraries: { ada: 5, ben: 7 }, rounds: 1000 });
    const env = {
      CLOUD_NODE_TOKEN: await pool.token('admin'),
      CLOUD_NODE_URL: pool.gateways[0]?.url,
      MLFLOW_TRACKING_URI: mlflow.url,
    };
    const csv = path.join(dir, 'metrics.csv');
    const watch = (): NodeProcess => {
      const where = ['--tensorboard', path.join(dir, 'runs'), '--csv', csv, '--mlflow'];
      return spawnNode(['bin/cloud-node.mjs', 'watch', repoId, session.sessionId, ...where], { env });
    };
    const folder = path.join(dir, 'runs', session.sessionId);
    const points = async (): Promise<string[]> => {
      const [name = ''] = await readdir(folder);
      return readEvents(await readFile(path.join(folder, name))).points.map(pointKey);
    };

    const first = watch();
    await first.waitForLine(/^TensorBoard: /);
    const atFirst = (await points()).length;
    await eventually(async () => expect((await points()).length).toBeGreaterThan(atFirst), {
      withinMs: 20_000,
    });
    expect(first.child.exitCode).toBeNull();
    await session.cancel('seen enough');
    expect(await first.ended).toBe(1);
    expect(first.lines.join('\n')).toContain(`MLflow: ${mlflow.url}/#/experiments/1/runs/`);

    const { history } = await session.get();
    const written = await points();
    expect(written.filter((key) => key.endsWith(' round/updates'))).toEqual(
      history.map(({ round }) => `${round} round/updates`),
    );
    const table = await readFile(csv, 'utf8');
    expect(table.trimEnd().split('\n')).toHaveLength(1 + history.length);

    const asked = mlflow.requests.length;
    expect(await watch().ended).toBe(1);
    expect(await points()).toEqual(written);
    expect(await readFile(csv, 'utf8')).toBe(table);
    const again = mlflow.requests.slice(asked);
    expect(again).not.toContain('POST runs/create');
    // How it ended; no metric.
    expect(again.filter((request) => request === 'POST runs/log-batch')).toHaveLength(1);
  } finally {
    await mlflow.close();
    await rm(dir, { recursive: true, force: true });
  }
}, 60_000);
