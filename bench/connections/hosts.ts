import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { progress } from '../lib/options.js';
import type { HostCommand, HostMessage, Seen } from './host.js';

/** So many fit into the ports of one source address, and into one process without crowding it. */
const CONNECTIONS_EACH = 5_000;
/** At least two, so that clients are not slower than what they measure. */
const MIN_HOSTS = 2;
/** Arrivals at once, of all hosts together: below the backlog of a listening socket. */
const AT_ONCE = 200;

/** All client processes together. */
export class Hosts {
  readonly #libraries: number;
  readonly #children;

  constructor(libraries: number) {
    this.#libraries = libraries;
    const count = Math.min(libraries, Math.max(MIN_HOSTS, Math.ceil(libraries / CONNECTIONS_EACH)));
    const file = fileURLToPath(new URL('./host.js', import.meta.url));
    this.#children = Array.from({ length: count }, () => {
      const child = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      child.on('message', (message: HostMessage) => {
        if (message.kind === 'lost') progress(`${message.connections} connections lost: ${message.why}`);
      });
      return child;
    });
  }

  get processes(): number {
    return this.#children.length;
  }

  /** All connect and join. @returns when each had joined, ms since 1970 */
  connect({ url, apiKey }: { url: string; apiKey: string }): Promise<number[]> {
    const count = this.#children.length;
    return this.#allSee('joined', (child) => {
      const from = Math.floor((child * this.#libraries) / count);
      const to = Math.floor(((child + 1) * this.#libraries) / count);
      return {
        ...{ kind: 'connect', url, apiKey, from, count: to - from },
        localAddress: `127.0.0.${child + 1}`,
        atOnce: Math.ceil(AT_ONCE / count),
      };
    });
  }

  /** When each saw this from now on, ms since 1970, once all have. @throws Error when that takes longer than `withinMs` */
  see(what: Seen, withinMs?: number): Promise<number[]> {
    return this.#allSee(what, () => ({ kind: 'watch', what }), withinMs);
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
  }

  async #allSee(what: Seen, command: (child: number) => HostCommand, withinMs = 180_000): Promise<number[]> {
    const each = this.#children.map(
      (child, i) =>
        new Promise<readonly number[]>((resolve, reject) => {
          const fail = (why: string): void => reject(new Error(`${what}: ${why}`));
          const timer = setTimeout(() => fail(`not all Libraries in ${withinMs / 1000} s`), withinMs);
          const ended = (): void => fail('a client process ended');
          const listener = (message: HostMessage): void => {
            if (message.kind !== 'seen' || message.what !== what) return;
            clearTimeout(timer);
            child.off('message', listener);
            child.off('exit', ended);
            resolve(message.atMs);
          };
          child.on('message', listener);
          child.once('exit', ended);
          child.send(command(i));
        }),
    );
    return (await Promise.all(each)).flat();
  }
}
