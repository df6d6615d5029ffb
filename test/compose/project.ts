import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { freePorts } from '../../bench/lib/process.js';
import { eventually } from '../helpers/eventually.js';
import { uniqueId } from '../helpers/namespace.js';
import { inspected, type Inspected } from './inspected.js';

export type ServiceName = 'redis' | 'gateway' | 'coordinator' | 'aggregator' | 'evaluator' | 'proxy';
export type Scale = Partial<Record<ServiceName, number>>;

export interface ComposeProject {
  /** Of the published port. */
  readonly url: string;
  readonly secret: string;
  /** Starts what is missing, ends what is too much, leaves alone what runs; waits until all are healthy. */
  up(scale: Scale): Promise<void>;
  /** Running containers of a service; without a name, of all. */
  containers(service?: ServiceName): Promise<Inspected[]>;
  healthy(service?: ServiceName): Promise<void>;
  /** What a command says inside; exit codes other than 0 are no errors. */
  exec(container: Inspected, ...command: string[]): Promise<{ code: number; output: string }>;
  /** SIGKILL from the kernel's side, as by the OOM killer: unlike after `docker kill`, the engine starts it again. */
  crash(container: Inspected): Promise<void>;
  down(options?: { volumes: boolean }): Promise<void>;
  logs(): Promise<string>;
}

const run = promisify(execFile);
const MIB = 1024 * 1024;
const HEALTHY_WITHIN_MS = 120_000;

/** docker-compose.yml under a name, a port and secrets of its own. */
export async function composeProject(): Promise<ComposeProject> {
  const project = uniqueId('compose').toLowerCase();
  const [port = 0] = await freePorts(1);
  const secret = randomBytes(32).toString('hex');
  const env = {
    ...process.env,
    COMPOSE_PROJECT_NAME: project,
    CLOUD_NODE_PORT: String(port),
    // Another tag than that of whoever uses this machine; it stays, so that the next build finds its layers.
    CLOUD_NODE_VERSION: 'test',
    AUTH_SECRET: secret,
    REDIS_PASSWORD: randomBytes(32).toString('hex'),
  };
  const docker = async (...args: string[]): Promise<string> =>
    (await run('docker', args, { env, maxBuffer: 64 * MIB })).stdout.trim();
  const [command = 'docker-compose', ...first] = (process.env['COMPOSE_COMMAND'] ?? 'docker-compose').split(
    ' ',
  );
  const compose = async (...args: string[]): Promise<string> =>
    (await run(command, [...first, ...args], { env, maxBuffer: 64 * MIB })).stdout;

  const containers = async (service?: ServiceName): Promise<Inspected[]> => {
    const filters = [`project=${project}`, ...(service ? [`service=${service}`] : [])];
    const ids = await docker(
      'ps',
      '-q',
      ...filters.flatMap((f) => ['--filter', `label=com.docker.compose.${f}`]),
    );
    return ids === '' ? [] : inspected(await docker('inspect', ...ids.split('\n')));
  };
  const healthy = async (service?: ServiceName): Promise<void> => {
    const states = async (): Promise<true> => {
      const ill = (await containers(service)).filter((one) => one.health !== 'healthy');
      if (ill.length > 0) throw new Error(ill.map((one) => `${one.name} is ${one.health}`).join(', '));
      return true;
    };
    await eventually(states, { withinMs: HEALTHY_WITHIN_MS, everyMs: 500 });
  };

  return {
    url: `http://127.0.0.1:${port}`,
    secret,
    containers,
    healthy,
    up: async (scale) => {
      const scales = Object.entries(scale).flatMap(([service, n]) => ['--scale', `${service}=${n}`]);
      await compose('up', '--build', '--detach', '--no-recreate', ...scales);
      await healthy();
    },
    exec: (container, ...args) =>
      run('docker', ['exec', container.id, ...args], { env }).then(
        ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
        (error: { code: number; stdout: string; stderr: string }) => ({
          code: error.code,
          output: error.stdout + error.stderr,
        }),
      ),
    crash: async ({ pid, image }) => {
      const host = ['--pid', 'host', '--user', '0', '--network', 'none'];
      await docker('run', '--rm', ...host, '--entrypoint', 'sh', image, '-c', `kill -KILL ${pid}`);
    },
    down: async ({ volumes } = { volumes: true }) =>
      void (await compose('down', '--remove-orphans', ...(volumes ? ['--volumes'] : []))),
    logs: () => compose('logs', '--tail', '100'),
  };
}
