import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a server at an address says about itself. */
export interface RedisProbe {
  readonly pid: number;
  /** False while it still loads its data. */
  readonly ready: boolean;
}

const ANSWER_WITHIN_MS = 2_000;

/**
 * Asks the server at a Unix socket path or `redis://host:port` who it is, or returns null when nobody answers. Raw
 * RESP: a client library would retry and queue, and the question is just whether it is there now.
 */
export function probeRedis(url: string): Promise<RedisProbe | null> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(url));
    let answer = '';
    const settle = (probe: RedisProbe | null): void => {
      socket.destroy();
      resolve(probe);
    };
    socket.setTimeout(ANSWER_WITHIN_MS, () => settle(null));
    socket.once('error', () => settle(null));
    socket.once('close', () => settle(null));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const pid = /process_id:(\d+)\r\n/.exec(answer)?.[1];
      if (pid !== undefined) settle({ pid: Number(pid), ready: answer.startsWith('+PONG') });
    });
    // PING is refused while loading (`-LOADING`), INFO never is.
    socket.write('PING\r\nINFO server\r\n');
  });
}

/** Waits until the server is ready; `stillThere` may throw to give up early. Resolves to null at the deadline. */
export async function waitForRedis(
  url: string,
  options: { withinMs: number; stillThere?: () => void },
): Promise<RedisProbe | null> {
  const deadlineMs = performance.now() + options.withinMs;
  while (performance.now() < deadlineMs) {
    options.stillThere?.();
    const probe = await probeRedis(url);
    if (probe?.ready) return probe;
    await sleep(20);
  }
  return null;
}

function addressOf(url: string): { path: string } | { host: string; port: number } {
  if (url.startsWith('/')) return { path: url };
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
