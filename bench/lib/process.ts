import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface LineProcess {
  readonly child: ChildProcess;
  readonly alive: boolean;
  kill(signal?: NodeJS.Signals): void;
  /** Ends it with SIGTERM, or SIGKILL when it does not listen. */
  end(): Promise<void>;
}

/** A Node process whose lines on stdout are given to `onLine`, and the last of whose errors are kept. */
export async function startNode(
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; onLine: (line: string) => void; readyWhen: RegExp; withinMs?: number },
): Promise<LineProcess> {
  const child = spawn(process.execPath, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line);
    if (errors.length > 20) errors.shift();
  });
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => {
      child.kill('SIGKILL');
      reject(new Error(`${args.join(' ')} did not get ready:\n${errors.join('\n')}`));
    };
    const timer = setTimeout(fail, options.withinMs ?? 60_000);
    child.once('exit', fail);
    createInterface({ input: child.stdout }).on('line', (line) => {
      options.onLine(line);
      if (!options.readyWhen.test(line)) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve();
    });
  });
  return {
    child,
    get alive() {
      return alive();
    },
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    end: async () => {
      if (!alive()) return;
      const gone = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const { createServer } = await import('node:net');
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
