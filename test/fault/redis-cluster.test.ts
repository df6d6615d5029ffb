import { expect, test } from '@jest/globals';
import { startCluster, type ClusterNode, type OwnCluster } from '../helpers/own-cluster.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { onCluster } from '../helpers/servers.js';
import { cleanUp, SHARD_PARAMS, startTraining, type Training } from './redis-world.js';

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

// Failovers take their time: what is like the first is left to `npm test -- --cluster`.
test.each(onCluster ? WAYS : WAYS.slice(0, 1))(
  'a master with the state of the Repo that $what is replaced by its replica: the session goes on',
  async ({ signal }) => {
    const { cluster, pool } = await clusterPool(1);
    const training = await startTraining(pool, { rounds: 4 });
    const { master, replica } = await pairOf(cluster, training.repoId);
    await training.midRound(1);
    process.kill(master.pid, signal);
    await training.finish(60_000);
    const role = await cluster.ask(replica, (redis) => redis.role());
    expect(role[0]).toBe('master');
  },
  90_000,
);

if (onCluster)
  test.each([
    { what: 'the state of the Repo', tag: ({ repoId }: Training) => repoId },
    { what: 'bytes', tag: ({ repoId, session }: Training) => `${repoId}:${session.sessionId}:1` },
  ])(
    'a replica that takes over without the last writes costs the round, if anything: $what',
    async ({ tag }) => {
      const { cluster, pool } = await clusterPool(1);
      const training = await startTraining(pool, { rounds: 4, slowMs: 1_500, staggerMs: 300 });
      const { master, replica } = await pairOf(cluster, tag(training));
      const before = await training.midRound(1);
      process.kill(replica.pid, 'SIGSTOP');
      // What is under way to it is gone; it can not ask again.
      await cluster.ask(master, (redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'replica'));
      await eventually(async () => {
        const { version, received } = await training.session.get();
        return version > before.version || received > before.received;
      });
      process.kill(master.pid, 'SIGKILL');
      process.kill(replica.pid, 'SIGCONT');
      await training.finish(80_000);
    },
    120_000,
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
}, 150_000);

const first = (cluster: OwnCluster): ClusterNode => cluster.nodes[0] as ClusterNode;

/** The master that has what is tagged so, and its replica. */
async function pairOf(
  cluster: OwnCluster,
  tag: string,
): Promise<{ master: ClusterNode; replica: ClusterNode }> {
  const master = await masterOf(cluster, await slotOf(cluster, `{${tag}}`));
  const replica = cluster.nodes.find((node) => node.master === cluster.nodes.indexOf(master));
  if (replica === undefined) throw new Error('the master has no replica');
  return { master, replica };
}

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
