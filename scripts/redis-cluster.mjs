#!/usr/bin/env node
/**
 * A Redis Cluster of its own, on 127.0.0.1, that keeps nothing: for tests, and to try a pool on.
 *
 *   node scripts/redis-cluster.mjs                       three masters
 *   node scripts/redis-cluster.mjs --replicas 1          … each with a replica
 *   node scripts/redis-cluster.mjs --node-timeout-ms 2000 --password secret
 *
 * Prints one JSON line when every node serves: {"url","nodes":[{"port","pid","id","role","master"}]}, `master` being
 * the index of a replica's master. Ends, and the servers with it, by a signal or when its stdin ends.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureRedis } from './lib/redis-binary.mjs';

const SLOTS = 16_384;
const READY_WITHIN_MS = 40_000;
const options = {
  masters: { type: 'string', default: '3' },
  replicas: { type: 'string', default: '0' },
  'node-timeout-ms': { type: 'string', default: '15000' },
  password: { type: 'string', default: '' },
};
const { values } = parseArgs({ options });
const masters = Number(values.masters);
const count = masters * (1 + Number(values.replicas));
const { password } = values;

const folder = mkdtempSync(path.join(tmpdir(), 'cloud-node-cluster-'));
const children = [];
process.once('exit', () => {
  // They keep nothing: no need to ask politely.
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, () => process.exit(0));
process.stdin.resume().once('end', () => process.exit(0));

try {
  const nodes = await startCluster();
  const credentials = password === '' ? '' : `:${encodeURIComponent(password)}@`;
  console.log(JSON.stringify({ url: `redis://${credentials}127.0.0.1:${nodes[0].port}`, nodes }));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

async function startCluster() {
  const binary = process.env.REDIS_SERVER_BIN ?? ensureRedis({ log: (line) => console.error(line) });
  const ports = await freePorts(2 * count);
  const nodes = Array.from({ length: count }, (_, i) => ({
    port: ports[i],
    bus: ports[count + i],
    role: i < masters ? 'master' : 'replica',
    master: i < masters ? null : i % masters,
  }));
  for (const node of nodes) node.child = start(binary, node);
  await Promise.all(nodes.map((node) => until(node, 'PING', /\+PONG/)));

  // Epochs first: two masters that meet with the same one settle it between them, which takes time.
  for (const [i, node] of nodes.entries()) {
    await until(node, `CLUSTER SET-CONFIG-EPOCH ${i + 1}`, /\+OK/);
    if (node.master !== null) continue;
    const from = Math.floor((i * SLOTS) / masters);
    const to = Math.floor(((i + 1) * SLOTS) / masters) - 1;
    await until(node, `CLUSTER ADDSLOTSRANGE ${from} ${to}`, /\+OK/);
  }
  // Everybody with everybody: gossip alone would take its time.
  for (const [i, node] of nodes.entries()) {
    for (const { port, bus } of nodes.slice(i + 1))
      await until(node, `CLUSTER MEET 127.0.0.1 ${port} ${bus}`, /\+OK/);
  }
  for (const node of nodes)
    node.id = /[0-9a-f]{40}/.exec(await until(node, 'CLUSTER MYID', /[0-9a-f]{40}/))[0];
  const known = new RegExp(`cluster_known_nodes:${count}\r`);
  await Promise.all(nodes.map((node) => until(node, 'CLUSTER INFO', known)));
  for (const node of nodes.filter(({ master }) => master !== null)) {
    await until(node, `CLUSTER REPLICATE ${nodes[node.master].id}`, /\+OK/);
    await until(node, 'INFO replication', /master_link_status:up/);
  }
  // Each has its own opinion of the whole: a client may ask any of them.
  const whole = new RegExp(`cluster_state:ok\r[^]*cluster_slots_ok:${SLOTS}\r[^]*cluster_size:${masters}\r`);
  await Promise.all(nodes.map((node) => until(node, 'CLUSTER INFO', whole)));
  return nodes.map(({ port, child, id, role, master }) => ({ port, pid: child.pid, id, role, master }));
}

function start(binary, { port, bus }) {
  const dir = path.join(folder, String(port));
  mkdirSync(dir);
  const args = [
    ...['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--logfile', path.join(dir, 'redis.log')],
    ...['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--daemonize', 'no'],
    ...['--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-announce-ip', '127.0.0.1'],
    ...['--cluster-node-timeout', values['node-timeout-ms'], '--cluster-replica-validity-factor', '0'],
    ...['--repl-diskless-sync-delay', '0', '--repl-backlog-size', '1mb'],
    ...(password === '' ? [] : ['--requirepass', password, '--masterauth', password]),
  ];
  const child = spawn(binary, args.map(String), { stdio: 'ignore' });
  children.push(child);
  return child;
}

/** Repeats a command until its answer matches. */
async function until({ port, child }, command, pattern) {
  const deadlineMs = Date.now() + READY_WITHIN_MS;
  let last = 'no answer';
  while (Date.now() < deadlineMs && child.exitCode === null) {
    last = await ask(port, command);
    if (pattern.test(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const log = readFileSync(path.join(folder, String(port), 'redis.log'), 'utf8');
  throw new Error(`Redis Cluster: ${command} at ${port} gave "${last}"\n${log.slice(-2_000)}`);
}

function ask(port, command) {
  return new Promise((resolve) => {
    const login = password === '' ? '' : `AUTH ${password}\r\n`;
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(`${login}${command}\r\n`));
    let text = '';
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(text || 'no answer'));
    socket.once('error', (error) => settle(error.message));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const answer = login === '' ? text : text.replace(/^\+OK\r\n/, '');
      if (isWhole(answer)) settle(answer);
    });
  });
}

/** A RESP line or bulk string that has all come. */
function isWhole(answer) {
  const bulk = /^\$(\d+)\r\n/.exec(answer);
  return bulk === null ? answer.endsWith('\r\n') : answer.length >= bulk[0].length + Number(bulk[1]) + 2;
}

/** Held open together, so that they differ. */
async function freePorts(wanted) {
  const servers = Array.from({ length: wanted }, () => createServer());
  for (const server of servers) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
