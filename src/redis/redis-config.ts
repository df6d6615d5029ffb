export interface RedisConfig {
  /** `redis://…`, `rediss://…` or the path of a Unix socket. */
  readonly url: string;
  /** The URL is one node of a Redis Cluster, or several: `redis://a:6379,b:6379`. */
  readonly cluster: boolean;
  /** Ask these (`host:port,host:port`) where the master is; of the URL only password and database count. */
  readonly sentinels?: string | undefined;
  /** What the Sentinels call the master. Default: mymaster. */
  readonly sentinelName?: string | undefined;
  /** How long to wait for Redis at start before giving up. */
  readonly connectWithinMs: number;
}

/** The variables that say where Redis is. */
export interface RedisEnv {
  readonly REDIS_URL: string;
  readonly REDIS_CLUSTER: boolean;
  readonly REDIS_SENTINELS?: string | undefined;
  readonly REDIS_SENTINEL_NAME: string;
  readonly REDIS_CONNECT_MS: number;
}

/** The same for every process of a pool. */
export function redisConfig(env: RedisEnv): RedisConfig {
  return {
    url: env.REDIS_URL,
    cluster: env.REDIS_CLUSTER,
    sentinels: env.REDIS_SENTINELS,
    sentinelName: env.REDIS_SENTINEL_NAME,
    connectWithinMs: env.REDIS_CONNECT_MS,
  };
}

/** Addresses as ioredis takes them. */
export function parseSentinels(text: string): { host: string; port: number }[] {
  return text.split(',').map((address) => {
    const { hostname, port } = new URL(`redis://${address}`);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
  });
}

/** Where it is, for messages. */
export function placeOf({ url, sentinels, sentinelName }: RedisConfig): string {
  return sentinels === undefined ? redact(url) : `${sentinelName ?? 'mymaster'} of Sentinels ${sentinels}`;
}

/** Without the password, for logs and messages. */
function redact(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
