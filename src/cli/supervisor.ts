import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { CliError, EXIT } from './errors.js';
import { packageRoot } from '../telemetry/package-root.js';
import { freePort, requireFreePorts } from './ports.js';
import type { PoolSize } from './pool-size.js';
import { END_ORDER, isGateway, type ProcessName } from './process-name.js';
import { supervise, type Supervised } from './supervised.js';

export interface PoolOptions extends PoolSize {
  /** Of the first gateway or all-in-one, the next ones follow it; 0: whichever are free. */
  readonly port: number;
  /** What every process gets: REDIS_URL, AUTH_SECRET and the rest. */
  readonly env: NodeJS.ProcessEnv;
  /** Logs go to `<dataDir>/logs/<role>-<n>.log`. */
  readonly dataDir: string;
  /** A process died without being asked to; it is started again after `inMs`. */
  readonly onExit?: (child: Supervised, how: string, inMs: number) => void;
  /** A process is there again after that. */
  readonly onRestart?: (child: Supervised) => void;
  /** Arguments for node to run a role; for tests. */
  readonly command?: (role: ProcessName) => readonly string[];
}

export interface Pool {
  /** Of all gateways that have not been stopped. */
  readonly gatewayUrls: readonly string[];
  readonly children: readonly Supervised[];
  /** Resolves when it is ready. */
  addGateway(): Promise<Supervised>;
  /** Gateways first, so that nothing new comes in; coordinators last, since the others report to them. */
  stop(): Promise<void>;
  /** Ends everything at once, without a chance to finish. */
  kill(): void;
}

const STOP_ORDER: readonly ProcessName[] = [...END_ORDER, 'all-in-one'];
/** Longer than a process takes to drain. */
const BEYOND_DRAIN_MS = 5_000;
const DEFAULT_DRAIN_MS = 10_000;

/**
 * Runs every process of a pool as a child of this one, and starts again what dies. Resolves when all are ready.
 *
 * @throws CliError when a port is taken or a process does not get ready; nothing is left running then
 */
export async function startPool(options: PoolOptions): Promise<Pool> {
  if (options.port !== 0) await requireFreePorts(options.port, options.gateways + options.allInOne);
  const logs = path.join(options.dataDir, 'logs');
  mkdirSync(logs, { recursive: true });
  const children: Supervised[] = [];
  const places = new Map<ProcessName, number>();

  let listening = 0;
  // It is kept when a process is started again: clients know it.
  const nextPort = async (): Promise<number> =>
    options.port === 0 ? freePort() : options.port + listening++;
  const add = async (role: ProcessName): Promise<Supervised> => {
    const place = (places.get(role) ?? 0) + 1;
    places.set(role, place);
    const port = isGateway(role) ? await nextPort() : null;
    const name = `${role}-${place}`;
    const env = port === null ? options.env : { ...options.env, PORT: String(port) };
    const child = supervise({
      name,
      role,
      command: {
        args: options.command?.(role) ?? [path.join(packageRoot(), 'bin/cloud-node.mjs'), role],
        env,
        logFile: path.join(logs, `${name}.log`),
      },
      onDeath: (dead, how, inMs) => options.onExit?.(dead, how, inMs),
      onRestart: (again) => options.onRestart?.(again),
    });
    children.push(child);
    return child;
  };
  const drainMs = Number(options.env['DRAIN_MS'] ?? DEFAULT_DRAIN_MS) + BEYOND_DRAIN_MS;
  const pool: Pool = {
    get gatewayUrls() {
      return children.flatMap(({ role, state, url }) =>
        isGateway(role) && state !== 'stopped' && url !== null ? [url] : [],
      );
    },
    children,
    async addGateway() {
      const child = await add('gateway');
      await child.whenReady();
      return child;
    },
    async stop() {
      for (const role of STOP_ORDER) {
        await Promise.all(
          children.filter((child) => child.role === role).map((child) => child.stop(drainMs)),
        );
      }
    },
    kill() {
      for (const child of children) {
        void child.stop(0);
        child.kill('SIGKILL');
      }
    },
  };

  const counts = {
    coordinator: options.coordinators,
    aggregator: options.aggregators,
    evaluator: options.evaluators,
    gateway: options.gateways,
    'all-in-one': options.allInOne,
  } satisfies Record<ProcessName, number>;
  for (const [role, howMany] of Object.entries(counts) as [ProcessName, number][]) {
    for (let i = 0; i < howMany; i++) await add(role);
  }
  try {
    await Promise.all(children.map((child) => child.whenReady()));
  } catch (error) {
    await pool.stop();
    throw new CliError(EXIT.unavailable, `The pool did not start: ${(error as Error).message}`, {
      advice: `The logs are in ${logs}.`,
    });
  }
  return pool;
}
