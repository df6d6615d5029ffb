import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../lib/process.js';
import { finish } from '../lib/python.js';
import { type Usage } from './usage.js';

const CONNECT_MS = 120_000;
const LOOK_MS = 100;

/** What the server app writes. Times are Unix seconds. */
interface Report {
  readonly marks: readonly number[];
  readonly aggregateSeconds: readonly number[];
  readonly maxError: number;
}

/** The processes of one run, and the folder that they write to. */
export class FlowerStage {
  private readonly children: ChildProcess[] = [];
  private readonly errors: string[] = [];

  private readonly bin: string;
  private readonly folder: string;
  private readonly port: number;

  private constructor({ bin, folder, port }: { bin: string; folder: string; port: number }) {
    this.bin = bin;
    this.folder = folder;
    this.port = port;
  }

  /** @param bin  the folder of Flower's commands */
  static async set(bin: string): Promise<FlowerStage> {
    const [port = 0] = await freePorts(1);
    return new FlowerStage({ bin, port, folder: await mkdtemp(path.join(tmpdir(), 'cn-flower-')) });
  }

  private get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      // SuperLink finds SuperExec by name.
      PATH: `${this.bin}${path.delimiter}${process.env['PATH'] ?? ''}`,
      FLWR_HOME: path.join(this.folder, 'home'),
      FLWR_LOG_LEVEL: 'WARNING',
      FLWR_TELEMETRY_ENABLED: '0',
      FLWR_DISABLE_UPDATE_CHECK: '1',
      // Compiled files among the sources would make our build look stale.
      PYTHONDONTWRITEBYTECODE: '1',
      // How often SuperExec looks for an app to start: only the time before the first round.
      FLWR_SUPEREXEC_TASK_POLL_INTERVAL: '0.5',
    };
  }

  async startSuperLink(): Promise<void> {
    const args = ['--insecure', '--disable-runtime-dependency-installation', '--port', String(this.port)];
    this.start('flower-superlink', args);
    await this.until('SuperLink did not start', async () => {
      const answer = await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => null);
      return answer !== null;
    });
  }

  /** Returns when all are connected. */
  async startClients(options: {
    source: string;
    libraries: number;
    processes: number;
    eager: boolean;
  }): Promise<void> {
    const { libraries, processes } = options;
    let connected = 0;
    for (let i = 0; i < processes; i++) {
      const first = Math.floor((i * libraries) / processes);
      const count = Math.floor(((i + 1) * libraries) / processes) - first;
      const args = [
        '--superlink',
        `127.0.0.1:${this.port}`,
        '--first',
        String(first),
        '--count',
        String(count),
      ];
      if (options.eager) args.push('--eager');
      const child = this.start('python', [path.join(options.source, 'clients.py'), ...args]);
      if (child.stdout) createInterface({ input: child.stdout }).on('line', () => connected++);
    }
    await this.until('Clients did not connect', async () => connected === libraries);
  }

  /** Submits the app with `flwr run`, as a user does, and waits for its report. */
  async runApp(
    app: string,
    { config, usage }: { config: Record<string, number | boolean>; usage: Usage },
  ): Promise<Report> {
    const home = path.join(this.folder, 'home');
    await mkdir(home, { recursive: true });
    const connection = `[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "127.0.0.1:${this.port}"\n`;
    await writeFile(path.join(home, 'config.toml'), `${connection}insecure = true\n`);
    const file = path.join(this.folder, 'report.json');
    const pairs = [...Object.entries(config), ['report', JSON.stringify(file)]].map((pair) => pair.join('='));
    const flwr = path.join(this.bin, 'flwr');
    const started = await finish(flwr, ['run', app, '--run-config', pairs.join(' ')], this.env);
    const [, runId = ''] = /started run (\d+)/.exec(started) ?? [];
    while (!existsSync(file)) {
      const died = usage.roles.has('serverapp') && !usage.alive('serverapp');
      if (this.anyExited()) throw this.failure('A process of the run ended');
      if (died && !existsSync(file)) {
        throw new Error(`The run failed:\n${await finish(flwr, ['log', runId, '--show'], this.env)}`);
      }
      await sleep(LOOK_MS);
    }
    return JSON.parse(await readFile(file, 'utf8')) as Report;
  }

  async close(): Promise<void> {
    // Clients go first: the others would wait for them.
    for (const child of [...this.children].reverse()) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill(child === this.children[0] ? 'SIGTERM' : 'SIGKILL');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await gone;
      clearTimeout(timer);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private start(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(path.join(this.bin, command), args, {
      env: this.env,
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.resume();
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.errors.push(line);
      if (this.errors.length > 30) this.errors.shift();
    });
    this.children.push(child);
    return child;
  }

  private anyExited(): boolean {
    return this.children.some((child) => child.exitCode !== null || child.signalCode !== null);
  }

  private failure(what: string): Error {
    return new Error(`${what}:\n${this.errors.join('\n')}`);
  }

  private async until(what: string, test: () => Promise<boolean>): Promise<void> {
    const lastMs = Date.now() + CONNECT_MS;
    while (!(await test())) {
      if (this.anyExited() || Date.now() > lastMs) throw this.failure(what);
      await sleep(LOOK_MS);
    }
  }
}
