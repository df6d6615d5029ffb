import { randomBytes } from 'node:crypto';
import { ConfigError } from '../src/config/config-error.js';
import { parseEnv } from '../src/config/env.js';
import type { NodeRole } from '../src/protocol/records.js';
import { runUntilSignal } from '../src/telemetry/lifecycle.js';
import { createLogger } from '../src/telemetry/logger.js';
import { startNodeReporter } from '../src/telemetry/node-reporter.js';
import { startTracing } from '../src/telemetry/tracing.js';
import { closeWorkerDeps, createWorkerDeps, type WorkerDeps } from './deps.js';
import { startHealthServer } from './health-server.js';

/** What a kind of worker adds to the shell: something that runs until it is closed. */
export interface RunningWorker {
  readonly slots: number;
  busySlots(): number;
  /** Finishes what is in flight, then resolves. */
  close(): Promise<void>;
}

/** EX_CONFIG and EX_UNAVAILABLE of sysexits.h. */
const EXIT_CONFIG = 78;
const EXIT_UNAVAILABLE = 69;

/** The shell that all workers share: configuration, connection, health, "I am here", orderly end. */
export async function runWorker(
  role: NodeRole,
  env: NodeJS.ProcessEnv,
  start: (deps: WorkerDeps) => Promise<RunningWorker>,
): Promise<void> {
  const nodeId = `${role}-${randomBytes(4).toString('hex')}`;
  try {
    const config = parseEnv(env);
    const log = createLogger({ level: config.LOG_LEVEL, role, nodeId });
    const endTracing = await startTracing(config, { role, nodeId, log });
    const deps = await createWorkerDeps(config, log);
    await deps.blobs.ready(config.REDIS_CONNECT_MS);
    const worker = await start(deps);
    const reporter = startNodeReporter({
      pool: deps.stores.pool,
      role,
      nodeId,
      url: null,
      slots: worker.slots,
      stats: () => ({ busySlots: worker.busySlots(), connections: 0 }),
    });
    const health = await startHealthServer(config.METRICS_PORT, deps);
    log.info({ slots: worker.slots }, 'worker ready');
    process.stdout.write(`${JSON.stringify({ ready: true, role, nodeId })}\n`);
    await runUntilSignal({
      log,
      drainMs: config.DRAIN_MS,
      steps: [
        { name: 'health', run: async () => health.drain() },
        { name: 'worker', run: () => worker.close() },
        { name: 'reporter', run: () => reporter.stop() },
        { name: 'health server', run: () => health.close() },
        { name: 'redis', run: () => closeWorkerDeps(deps) },
        { name: 'traces', run: endTracing },
      ],
    });
  } catch (error) {
    process.stderr.write(`cloud-node ${role}: ${(error as Error).message}\n`);
    process.exit(error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNAVAILABLE);
  }
}
