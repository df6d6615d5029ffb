import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Connections that are open through it now. */
  readonly connections: number;
  /** Breaks all connections and refuses new ones, until {@link TcpProxy.resume}. */
  cut(): void;
  /** Keeps connections (and accepts new ones) but lets no byte through either way, until {@link TcpProxy.resume}. */
  stall(): void;
  resume(): void;
  close(): Promise<void>;
}

type Mode = 'open' | 'cut' | 'stalled';

/** A network that fails on demand: put it between a client and a server on 127.0.0.1. */
export async function startTcpProxy(target: { port: number; host?: string }): Promise<TcpProxy> {
  const host = '127.0.0.1';
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: Mode = 'open';

  const server = createServer((client) => {
    // A server that is gone refuses by RST; ending politely would look like an orderly close.
    if (mode === 'cut') return void client.resetAndDestroy();
    const upstream = connect({ port: target.port, host: target.host ?? host });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    join(client, upstream);
    join(upstream, client);
    if (mode === 'stalled') pause(pair);
    return undefined;
  });

  function join(from: Socket, to: Socket): void {
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (mode === 'open') from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      to.destroy();
      for (const pair of pairs) if (pair.includes(from)) pairs.delete(pair);
    });
  }

  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    host,
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    cut() {
      mode = 'cut';
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    },
    stall() {
      mode = 'stalled';
      pairs.forEach(pause);
    },
    resume() {
      mode = 'open';
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      pairs.clear();
      await closed;
    },
  };
}

function pause(pair: readonly [Socket, Socket]): void {
  for (const socket of pair) socket.pause();
}
