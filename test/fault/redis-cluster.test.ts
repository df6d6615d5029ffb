import { expect, test } from '@jest/globals';
import { startCluster, type ClusterNode, type OwnCluster } from '../helpers/own-cluster.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { onCluster } from '../helpers/servers.js';
import { cleanUp, SHARD_PARAMS, startTraining } from './redis-world.js';

const env = { SHARD_PARAMS: String(SHARD_PARAMS) };

async function clusterPool(replicas: number): Promise<{ cluster: OwnCluster; pool: TestPool }> {
  const cluster = await startCluster({ replicas });
  cleanUp(() => cluster.stop());
  return { cluster, pool: await startPool({ server: cluster, env }) };
}

const WAYS = [
  { what: 'hangs, breaking no connection,', signal: 'SIGSTOP' },
  { what: 'dies', signal: 'SIGKILL' },
] as const;

// The second is the easier one, and is left to `npm test -- --cluster`.
test.each(onCluster ? WAYS : WAYS.slice(0, 1))(
  'a master with the state of the Repo that $what is replaced by its replica: the session goes on',
  async ({ signal }) => {
    const { cluster, pool } = await clusterPool(1);
    const training = await startTraining(pool, { rounds: 4 });
    const slot = await slotOf(cluster, `${pool.prefix}:{${training.repoId}}:repo`);
    const master = await masterOf(cluster, slot);
    const replica = cluster.nodes.find((node) => node.master === cluster.nodes.indexOf(master));
    await training.midRound(1);
    process.kill(master.pid, signal);
    await training.finish(60_000);
    if (replica === undefined) throw new Error('the master has no replica');
    const role = await cluster.ask(replica, (redis) => redis.role());
    expect(role[0]).toBe('master');
  },
  90_000,
);

test('slots that move to another master in mid-session, with all that is in them, are followed', async () => {
  const { cluster, pool } = await clusterPool(0);
  const training = await startTraining(pool, { rounds: 6 });
  const tags = [training.repoId, '~pool', `${pool.prefix}:coordinate`, `${pool.prefix}:aggregate`];
  const shards = [0, 1, 2, 3].map((shard) => `${training.repoId}:${training.session.sessionId}:${shard}`);
  for (const [version, moved] of [
    [1, tags],
    [3, shards],
  ] as const) {
    await training.midRound(version);
    for (const tag of moved) await moveSlot(cluster, await slotOf(cluster, `{${tag}}`));
  }
  await training.finish();
}, 90_000);

const first = (cluster: OwnCluster): ClusterNode => cluster.nodes[0] as ClusterNode;

function slotOf(cluster: OwnCluster, key: string): Promise<number> {
  return cluster.ask(first(cluster), (redis) => redis.cluster('KEYSLOT', key));
}

async function masterOf(cluster: OwnCluster, slot: number): Promise<ClusterNode> {
  const ranges = await cluster.ask(first(cluster), (redis) => redis.cluster('SLOTS'));
  const range = ranges.find(([from, to]) => from <= slot && slot <= to);
  const port = Number(range?.[2]?.[1]);
  const master = cluster.nodes.find((node) => node.port === port);
  if (master === undefined) throw new Error(`slot ${slot} has no master`);
  return master;
}

/** As `redis-cli --cluster reshard` does it, slowly enough to be met in the middle. */
async function moveSlot(cluster: OwnCluster, slot: number): Promise<void> {
  const from = await masterOf(cluster, slot);
  const to = cluster.nodes[(cluster.nodes.indexOf(from) + 1) % cluster.nodes.length] as ClusterNode;
  const call = (node: ClusterNode, ...args: [string, ...(string | number)[]]): Promise<unknown> =>
    cluster.ask(node, (redis) => redis.call(...args));
  await call(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await call(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  await eventually(async () => {
    const [key] = (await call(from, 'CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
    if (key !== undefined) await call(from, 'MIGRATE', '127.0.0.1', to.port, key, 0, 5_000);
    return key === undefined;
  });
  for (const node of [to, from, ...cluster.nodes])
    await call(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}
