import { Cluster, type RedisOptions } from 'ioredis';

/** A master may be replaced: with Redis's own `cluster-node-timeout` (15 s) a failover takes about 20 s. */
const RETRY_ON_FAILOVER_MS = 200;
/** A bound against turning in a circle; requests end at their timeout long before it, background work waits. */
const MAX_REDIRECTIONS = 10_000;
/** A master that hangs breaks no connection: that it was replaced is only seen by asking. */
const REFRESH_MS = 2_000;
const REFRESH_TIMEOUT_MS = 2_000;

type NodeOptions = Pick<
  RedisOptions,
  'commandTimeout' | 'keepAlive' | 'maxRetriesPerRequest' | 'reconnectOnError' | 'Connector' | 'protocol'
>;
type NodeAddress = ClusterUrl['nodes'][number];
type Send = Parameters<Cluster['sendCommand']>;

/**
 * A client of a Redis Cluster. `url` names one node or several (`redis://:password@a:6379,b:6379`); user, password and
 * TLS are those of all nodes, also of the ones that are found later.
 */
export class PoolCluster extends Cluster {
  readonly #url: string;
  readonly #options: NodeOptions;

  /** @param known further nodes to begin with */
  constructor(url: string, options: NodeOptions, known: readonly NodeAddress[] = []) {
    const { nodes, credentials } = parseClusterUrl(url);
    const startupNodes = [...nodes, ...known];
    super(startupNodes, {
      redisOptions: { ...options, ...credentials },
      clusterRetryStrategy: (times: number) => Math.min(2_000, 100 * times),
      maxRedirections: MAX_REDIRECTIONS,
      retryDelayOnFailover: RETRY_ON_FAILOVER_MS,
      slotsRefreshInterval: REFRESH_MS,
      slotsRefreshTimeout: REFRESH_TIMEOUT_MS,
      // A certificate is for a name: it is not looked up before TLS has seen it.
      ...(credentials.tls === undefined ? {} : { dnsLookup: (name, found) => found(null, name) }),
    });
    this.#url = url;
    this.#options = options;
    // When all connections break at once, the nodes that the URL names may not be there any more, but others are.
    this.on('refresh', () => void startupNodes.splice(nodes.length, Infinity, ...this.#known()));
  }

  /** A further client of the same cluster. */
  another(options: NodeOptions): PoolCluster {
    return new PoolCluster(this.#url, { ...this.#options, ...options }, this.#known());
  }

  /** The time runs from here: ioredis begins to count when a node is found, and waits for one without end. */
  override sendCommand(...[command, stream, node]: Send): ReturnType<Cluster['sendCommand']> {
    const { commandTimeout } = this.#options;
    if (commandTimeout !== undefined) command.setTimeout(commandTimeout);
    return super.sendCommand(command, stream, node);
  }

  #known(): NodeAddress[] {
    return this.nodes().map(({ options: { host, port } }) => ({ host: host ?? '', port: port ?? 0 }));
  }
}

interface ClusterUrl {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly credentials: Pick<RedisOptions, 'username' | 'password' | 'tls'>;
}

/** @throws TypeError for what is no URL */
export function parseClusterUrl(url: string): ClusterUrl {
  const [first = '', ...others] = url.split(',');
  const { protocol, username, password } = new URL(first);
  return {
    nodes: [first, ...others.map((address) => `redis://${address}`)].map((text) => {
      const { hostname, port } = new URL(text);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
    }),
    credentials: {
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  };
}
