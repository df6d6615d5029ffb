import { randomBytes } from 'node:crypto';
import { ConfigError } from '../config/config-error.js';
import { parseEnv } from '../config/env.js';
import type { Purpose } from '../redis/connection.js';
import { runUntilSignal } from '../telemetry/lifecycle.js';
import { createLogger } from '../telemetry/logger.js';
import { startNodeReporter } from '../telemetry/node-reporter.js';
import { startTracing } from '../telemetry/tracing.js';
import { startHealthServer } from './health-server.js';
import { connectPool, disconnectPool, type PoolDeps } from './pool-deps.js';
import type { Role, RunningRole } from './role.js';

/** EX_CONFIG and EX_UNAVAILABLE of sysexits.h. */
const EXIT_CONFIG = 78;
const EXIT_UNAVAILABLE = 69;

/**
 * Runs a process of the pool until a signal: configuration, connections, its roles, "I am here", orderly end. Roles end
 * in their order and start in the opposite one. Those of one process share its connections and nothing else: they meet
 * in Redis, as if each had a process of its own.
 */
export async function runProcess(
  name: string,
  roles: readonly Role[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const id = randomBytes(4).toString('hex');
  const nodeId = `${name}-${id}`;
  try {
    const config = parseEnv(env);
    for (const role of roles) role.check?.(config);
    const log = createLogger({ level: config.LOG_LEVEL, role: name, nodeId });
    const endTracing = await startTracing(config, { role: name, nodeId, log });
    const connected = new Map<Purpose, PoolDeps>();
    const running: { role: Role; run: RunningRole; deps: PoolDeps }[] = [];
    for (const role of roles.toReversed()) {
      const { purpose } = role;
      const deps = connected.get(purpose) ?? (await connectPool(config, { log, purpose }));
      if (!connected.has(purpose)) await deps.blobs.ready(config.REDIS_CONNECT_MS);
      connected.set(purpose, deps);
      running.unshift({ role, run: await role.start(deps), deps });
    }
    const reporters = running.map(({ role: { role }, run: { insideUrl: url, slots, stats }, deps }) =>
      startNodeReporter({ pool: deps.stores.pool, role, nodeId: `${role}-${id}`, url, slots, stats }),
    );
    // Gateways serve the same at their own address.
    const background = connected.get('background');
    const health = background && (await startHealthServer(config.METRICS_PORT, background));
    const slots = running.reduce((sum, { run }) => sum + run.slots, 0);
    const ready = Object.assign({}, ...running.map(({ run }) => run.ready)) as RunningRole['ready'];
    log.info({ ...ready, slots }, 'ready');
    process.stdout.write(`${JSON.stringify({ ready: true, role: name, ...ready, nodeId })}\n`);
    await runUntilSignal({
      log,
      drainMs: config.DRAIN_MS,
      steps: [
        { name: 'health', run: () => health?.drain() },
        ...running.flatMap(({ run }) => run.steps),
        { name: 'reporters', run: async () => void (await Promise.all(reporters.map((one) => one.stop()))) },
        { name: 'health server', run: () => health?.close() },
        ...[...connected.values()].map((deps) => ({ name: 'connections', run: () => disconnectPool(deps) })),
        { name: 'traces', run: endTracing },
      ],
    });
  } catch (error) {
    process.stderr.write(`cloud-node ${name}: ${(error as Error).message}\n`);
    process.exit(error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNAVAILABLE);
  }
}
