import { expect, test } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { joinedSession } from '../helpers/joined-session.js';
import { startPool, type PoolNode } from '../helpers/pool.js';

/** Value of a metric with exactly these labels; null: there is none. */
function valueOf(text: string, series: string): number | null {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

async function portOf(node: PoolNode): Promise<number> {
  const line = await node.waitForLine(/health server listens/);
  return (JSON.parse(line) as { port: number }).port;
}

test('the numbers of a pool say what a session did, without the names of anybody', async () => {
  const pool = await startPool({
    roles: { gateway: 1, coordinator: 1, aggregator: 1 },
    env: { METRICS_PORT: '0', LOG_LEVEL: 'info' },
  });
  const scrape = async (role: 'gateway' | 'coordinator' | 'aggregator'): Promise<string> => {
    const [node] = pool.of(role);
    if (node === undefined) throw new Error(`no ${role}`);
    const url = role === 'gateway' ? node.url : `http://127.0.0.1:${await portOf(node)}`;
    return (await fetch(`${url}/metrics`)).text();
  };
  const libraries = { ada: 5, ben: 7, cyd: 2 };
  const { repoId, session, explora, model } = await joinedSession(pool, { libraries, rounds: 2 });
  await session.result();
  await session.weights(2);

  const coordinator = await eventually(
    async () => {
      const text = await scrape('coordinator');
      // Counted every few seconds; and the session is let go when what it holds is freed.
      expect(valueOf(text, 'cloud_node_slots{kind="total"}')).toBe(2);
      expect(valueOf(text, 'cloud_node_nodes{role="gateway"}')).toBe(1);
      expect(valueOf(text, 'cloud_node_active_sessions')).toBe(0);
      return text;
    },
    { withinMs: 20_000 },
  );
  const inCoordinator = {
    'cloud_node_rounds_total{outcome="published"}': 2,
    'cloud_node_sessions_total{state="completed"}': 1,
    cloud_node_session_queue_duration_seconds_count: 1,
    cloud_node_round_duration_seconds_count: 2,
    'cloud_node_round_phase_duration_seconds_count{phase="collecting"}': 2,
    'cloud_node_round_phase_duration_seconds_count{phase="closing"}': 2,
    cloud_node_round_selected_total: 6,
    cloud_node_round_updates_total: 6,
    cloud_node_assignments_offered_total: 6,
    'cloud_node_queue_depth{queue="aggregate"}': 0,
  };
  for (const [series, value] of Object.entries(inCoordinator))
    expect([series, valueOf(coordinator, series)]).toEqual([series, value]);
  const written = valueOf(
    coordinator,
    'cloud_node_redis_script_duration_seconds_count{script="writeSession"}',
  );
  expect(written).toBeGreaterThan(5);

  const gateway = await scrape('gateway');
  const bytes = 4 * model.weights.length;
  const inGateway = {
    'cloud_node_updates_total{result="accepted"}': 6,
    cloud_node_update_bytes_total: 6 * bytes,
    'cloud_node_upload_bytes_total{kind="model"}': bytes,
    cloud_node_connected_libraries: 3,
    cloud_node_connections: 3,
    cloud_node_uploads_in_flight: 0,
    'cloud_node_assignments_settled_total{state="accepted"}': 6,
  };
  for (const [series, value] of Object.entries(inGateway))
    expect([series, valueOf(gateway, series)]).toEqual([series, value]);
  // Each Library reads each version that it starts from, and we the last.
  expect(valueOf(gateway, 'cloud_node_download_bytes_total{encoding="f32"}')).toBe(7 * bytes);
  expect(valueOf(gateway, 'cloud_node_audit_entries_total{trail="repo"}')).toBeGreaterThan(5);

  const aggregator = await scrape('aggregator');
  expect(valueOf(aggregator, 'cloud_node_folded_bytes_total')).toBeGreaterThanOrEqual(2 * bytes);
  expect(valueOf(aggregator, 'cloud_node_fold_seconds_total')).toBeGreaterThan(0);
  expect(valueOf(aggregator, 'cloud_node_job_wait_seconds_count{queue="aggregate"}')).toBeGreaterThanOrEqual(
    2,
  );
  const done = 'cloud_node_job_duration_seconds_count{queue="aggregate",outcome="done"}';
  expect(valueOf(aggregator, done)).toBeGreaterThanOrEqual(2);

  for (const name of [repoId, session.sessionId, explora.repoId, ...Object.keys(libraries)])
    for (const text of [coordinator, gateway, aggregator]) expect(text).not.toContain(name);
});
