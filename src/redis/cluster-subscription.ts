import type { Cluster, Redis } from 'ioredis';

const NEXT_NODE_MS = 200;

interface Handlers {
  readonly onMessage: (channel: string, text: string) => void;
  readonly onGap: () => void;
}

/**
 * Listens to a channel at one master, whichever: a cluster passes every message on to all of them. When that one is
 * lost, another one is taken, and `onGap` called. A `Cluster` that subscribes itself moves on as well, but says
 * nothing of it.
 *
 * Resolves when it listens.
 * @returns a function that stops listening
 */
export async function subscribeToCluster(
  cluster: Cluster,
  channel: string,
  { onMessage, onGap }: Handlers,
): Promise<() => Promise<void>> {
  let stopped = false;
  let current: Redis | null = null;
  let timer: NodeJS.Timeout | undefined;
  let listening: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (listening = resolve));
  let known = false;

  const next = (): void => {
    const masters = cluster.nodes('master');
    const master = masters[Math.floor(Math.random() * masters.length)];
    if (master === undefined) return later();
    const node = master.duplicate({
      retryStrategy: () => null,
      lazyConnect: true,
      commandTimeout: undefined,
    });
    current = node;
    node.on('error', () => {
      // It ends with it, and another one is taken.
    });
    node.on('message', onMessage);
    node.once('end', later);
    node.subscribe(channel).then(
      () => {
        if (known) onGap();
        known = true;
        listening();
      },
      () => node.disconnect(),
    );
  };
  const later = (): void => {
    if (!stopped) timer = setTimeout(next, NEXT_NODE_MS);
  };
  // A master that hangs breaks no connection; the others replace it, and the client that asks them drops it.
  const onLost = (lost: Redis): void => {
    if (current?.options.host === lost.options.host && current?.options.port === lost.options.port)
      current?.disconnect();
  };
  cluster.on('-node', onLost);
  next();
  await first;
  return () => {
    stopped = true;
    clearTimeout(timer);
    cluster.off('-node', onLost);
    current?.disconnect();
    return Promise.resolve();
  };
}
