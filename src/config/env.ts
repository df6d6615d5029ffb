import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { SHARD_PARAMS } from '../tensors/sharding.js';
import { ConfigError } from './config-error.js';

const integer = (min: number, max: number): z.ZodType<number> =>
  z.coerce.number('use a whole number').int('use a whole number').min(min).max(max);
const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1');

/**
 * Every environment variable, with its default and unit. docs/config.md lists the same (a test compares).
 * Each may also be given as `<NAME>_FILE`, the path of a file that holds the value: use that for secrets.
 */
export const envSchema = z.object({
  REDIS_URL: z
    .string()
    .min(1)
    .default('redis://127.0.0.1:6379')
    .describe('Redis: redis://, rediss:// or the path of a Unix socket.'),
  REDIS_CLUSTER: flag
    .default(false)
    .describe('REDIS_URL is a node of a Redis Cluster, or several: redis://a:6379,b:6379.'),
  REDIS_SENTINELS: z
    .string()
    .regex(
      /^(\[[\dA-Fa-f:.]+\]|[^\s,:[\]]+):\d{1,5}(,(\[[\dA-Fa-f:.]+\]|[^\s,:[\]]+):\d{1,5})*$/,
      'use host:port,host:port',
    )
    .optional()
    .describe(
      'Sentinels that name the master, host:port with commas; of REDIS_URL only password and db count.',
    ),
  REDIS_SENTINEL_NAME: z
    .string()
    .min(1)
    .default('mymaster')
    .describe('Name of the master that the Sentinels watch.'),
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('cn')
    .describe('First part of every key: pools with different prefixes share one Redis.'),
  REDIS_CONNECT_MS: integer(100, 3_600_000)
    .default(20_000)
    .describe('How long to wait for Redis, and for an object store, at start before giving up, ms.'),
  BLOB_STORE: z
    .string()
    .regex(
      /^(redis|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w./-]*)?(\?(region=[\w-]+|endpoint=https?(:\/\/|%3A%2F%2F)[^\s&?#]+)(&(region=[\w-]+|endpoint=https?(:\/\/|%3A%2F%2F)[^\s&?#]+))?)?)$/,
      'use redis, or s3://bucket/prefix?endpoint=http://host:port&region=name',
    )
    .default('redis')
    .describe(
      'Where bytes are: redis, or s3://bucket/prefix?endpoint=http://host:port&region=name (all after the bucket optional).',
    ),
  S3_ACCESS_KEY_ID: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Key id for the object store; unset: as the AWS SDK finds one (role, profile, AWS_… variables).',
    ),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional().describe('Secret that belongs to S3_ACCESS_KEY_ID.'),
  HOST: z.string().min(1).default('0.0.0.0').describe('Address the gateway listens on.'),
  PORT: integer(0, 65_535).default(8080).describe('Port of the gateway; 0 picks a free one.'),
  PUBLIC_URL: z.url().optional().describe('Where clients reach this gateway, shown in status.'),
  CORS_ORIGINS: z
    .string()
    .regex(
      /^(\*|https?:\/\/[^\s,/]+(,https?:\/\/[^\s,/]+)*)$/,
      'use * or https://a.example,https://b.example',
    )
    .optional()
    .describe('Origins of web pages that may call, with commas, or *; unset: only the pool itself.'),
  AUTH_SECRET: z
    .string()
    .min(32, 'use at least 32 characters')
    .optional()
    .describe('HS256 secret of the tokens for Explora and Dashboard.'),
  AUTH_SECRET_PREVIOUS: z
    .string()
    .min(32, 'use at least 32 characters')
    .optional()
    .describe('Secret that AUTH_SECRET replaces: its tokens are good until they end.'),
  AUTH_JWKS_URL: z
    .url({ protocol: /^(https?|file)$/ })
    .optional()
    .describe('JWKS that verifies tokens instead of AUTH_SECRET: https://, http:// or file:///.'),
  AUTH_ISSUER: z.string().optional().describe('Required issuer of tokens, if set.'),
  AUTH_AUDIENCE: z.string().optional().describe('Required audience of tokens, if set.'),
  AUTH_CLOCK_TOLERANCE_MS: integer(0, 3_600_000)
    .default(60_000)
    .describe('How far the clock of whoever signs tokens may be off, ms.'),
  AUTH_MAX_TOKEN_LIFETIME_MS: integer(1_000, 366 * 86_400_000)
    .default(86_400_000)
    .describe('Longest time from when a token was issued to when it ends, ms.'),
  POOL_KEY: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Ed25519 private key that proves who the pool is: PEM, or 32 bytes as base64; unset: the pool is unsigned.',
    ),
  POOL_SUCCESSORS: z
    .string()
    .min(1)
    .optional()
    .describe('Chain of signed successors of the pool key, as `cloud-node pool-key rotate` writes it.'),
  TLS_CERT: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Certificate of the gateway with its chain, PEM; unset: plain HTTP. A file that changes is read again.',
    ),
  TLS_KEY: z.string().min(1).optional().describe('Private key that belongs to TLS_CERT, PEM.'),
  TLS_CLIENT_CA: z
    .string()
    .min(1)
    .optional()
    .describe('Authorities, PEM: Libraries must show a client certificate of one of them.'),
  MAX_MODEL_BYTES: integer(1, 2 ** 40)
    .default(2 ** 30)
    .describe('Largest model or test set upload, bytes.'),
  MAX_KERAS_BYTES: integer(1, 2 ** 31)
    .default(256 * 1024 * 1024)
    .describe('Largest Keras file that a gateway converts, in memory, bytes.'),
  MAX_JSON_BYTES: integer(1_024, 2 ** 30)
    .default(256 * 1024)
    .describe('Largest JSON body, bytes.'),
  MAX_PARAMETERS: integer(1, 2 ** 38)
    .default(2 ** 28)
    .describe('Most parameters of a model.'),
  REPO_LIBRARIES: integer(1, 100_000_000)
    .default(100_000)
    .describe(
      'Libraries that a Repo may have; this and the next nine: unless the Repo has a limit of its own.',
    ),
  REPO_EXAMPLES: integer(1, 2 ** 29 - 1)
    .default(10_000_000)
    .describe('Examples that a Library may announce of one data set.'),
  REPO_MODELS: integer(1, 1_000_000).default(1_000).describe('Models that a Repo may have.'),
  REPO_TEST_SETS: integer(1, 1_000_000).default(100).describe('Test sets that a Repo may have.'),
  REPO_BYTES: integer(1, 2 ** 50)
    .default(2 ** 36)
    .describe('Bytes that the models and test sets of a Repo may have in all.'),
  REPO_KEYS: integer(1, 100_000).default(1_000).describe('API keys that a Repo may have.'),
  REPO_ALIASES: integer(1, 100_000).default(1_000).describe('Names of models that a Repo may have.'),
  REPO_SESSIONS: integer(1, 10_000_000)
    .default(10_000)
    .describe('Sessions that are kept of a Repo, ended ones too.'),
  REPO_OPEN_SESSIONS: integer(1, 10_000).default(100).describe('Sessions of a Repo that run or wait.'),
  REPO_OPEN_EVALUATIONS: integer(1, 10_000)
    .default(20)
    .describe('Evaluations of a Repo, asked for by hand, that wait or run.'),
  MAX_HEADER_BYTES: integer(4_096, 2 ** 20)
    .default(16 * 1024)
    .describe('Largest request line with headers, bytes.'),
  HEADER_TIMEOUT_MS: integer(100, 600_000)
    .default(10_000)
    .describe('Time in which the headers of a request must be there, ms.'),
  BODY_IDLE_MS: integer(100, 3_600_000)
    .default(30_000)
    .describe('Longest silence within a body that is sent or read, ms.'),
  BODY_MIN_BYTES: integer(0, 2 ** 30)
    .default(1_024)
    .describe('Least bytes a second of a body, on average after BODY_IDLE_MS; 0: any.'),
  MAX_CONNECTIONS: integer(1, 2 ** 24)
    .default(50_000)
    .describe('Most connections of a gateway.'),
  MAX_STRANGERS: integer(1, 2 ** 24)
    .default(4_096)
    .describe('Most connections without valid credentials so far; the oldest give way.'),
  MAX_STRANGERS_PER_ADDRESS: integer(1, 2 ** 24)
    .default(1_024)
    .describe('The same from one address; not applied behind a proxy.'),
  STRANGER_MS: integer(100, 600_000)
    .default(10_000)
    .describe('Time in which a socket must show valid credentials, ms.'),
  STRANGER_BYTES: integer(1_024, 2 ** 20)
    .default(16 * 1024)
    .describe('What a socket may send before that, bytes.'),
  RATE_PER_KEY: integer(0, 10_000_000)
    .default(5_000)
    .describe('Requests and events with one API key, per second in the whole pool; 0: any.'),
  RATE_PER_TOKEN: integer(0, 10_000_000)
    .default(2_000)
    .describe('Requests and events of one subject of tokens, per second in the whole pool; 0: any.'),
  RATE_PER_ADDRESS: integer(0, 10_000_000)
    .default(1_000)
    .describe('Requests without valid credentials from one address, per second in the whole pool; 0: any.'),
  RATE_BURST_S: integer(1, 3_600)
    .default(10)
    .describe('Seconds of a rate that may come in at once after silence.'),
  TRUST_PROXY: integer(0, 16)
    .default(0)
    .describe('Proxies in front of the gateways that add to X-Forwarded-For; 0: the header is ignored.'),
  SHARD_PARAMS: integer(8, 2 ** 24)
    .default(SHARD_PARAMS)
    .describe('Parameters in one shard: the unit of storage and parallel work.'),
  MEMORY_WATERMARK: z.coerce
    .number()
    .gt(0)
    .max(1)
    .default(0.85)
    .describe('Share of Redis maxmemory above which uploads are refused with Retry-After.'),
  MAX_USED_MEMORY_BYTES: integer(0, 2 ** 50)
    .default(0)
    .describe('Bound used for the watermark when Redis has no maxmemory; 0: none.'),
  MODEL_CACHE_BYTES: integer(0, 2 ** 40)
    .default(32 * 1024 * 1024)
    .describe('Memory of a gateway for shards that are downloaded often, bytes.'),
  INTAKE_BYTES: integer(2 ** 20, 2 ** 32 - 2 ** 20)
    .default(128 * 1024 * 1024)
    .describe('Memory of a gateway for uploads that are coming in, bytes.'),
  AGGREGATOR_SLOTS: integer(1, 64).default(2).describe('Jobs an aggregator works on at once, in one thread.'),
  EVALUATOR_SLOTS: integer(1, 64).default(1).describe('Versions an evaluator process scores at once.'),
  LEASE_MS: integer(1_000, 86_400_000)
    .default(30_000)
    .describe('A Library away for longer loses its assignment, ms.'),
  SWEEP_MS: integer(50, 60_000)
    .default(500)
    .describe('How often a coordinator looks for sessions whose time has come, ms.'),
  DRAIN_MS: integer(0, 600_000)
    .default(10_000)
    .describe('Time to finish what is in flight after SIGTERM, ms.'),
  LEGACY: flag
    .default(false)
    .describe('The gateway also speaks the protocols of the predecessor, see docs/legacy.md.'),
  LEGACY_OPEN_REPOS: z
    .string()
    .optional()
    .describe(
      'Repos that let in old clients without any key, with commas: anybody may train there and start sessions.',
    ),
  LEGACY_MAX_MESSAGE_BYTES: integer(1_024, 2 ** 29)
    .default(32 * 1024 * 1024)
    .describe('Largest message of an old client, in memory, bytes.'),
  AUDIT_MAX_ENTRIES: integer(1_000, 10_000_000)
    .default(100_000)
    .describe('Entries kept of an audit trail, about 400 bytes each; the oldest are dropped, in tenths.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least level that is logged.'),
  METRICS_PORT: integer(0, 65_535)
    .optional()
    .describe('Port of /livez, /readyz and /metrics of a worker; unset: none.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Collector of traces, OTLP over HTTP; unset: no traces. See docs/traces.md, for the next three too.',
    ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The same with its path, which is /v1/traces otherwise.'),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .optional()
    .describe('What the collector wants to see, such as Authorization=Bearer%20…; with commas.'),
  OTEL_SDK_DISABLED: flag.default(false).describe('No traces, whatever else is set.'),
});
export type Config = Readonly<z.infer<typeof envSchema>>;

/** Reads the environment; reports all problems at once. @throws ConfigError (a main then exits with 78, EX_CONFIG) */
export function parseEnv(env: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of Object.keys(envSchema.shape)) {
    const direct = env[name];
    const file = env[`${name}_FILE`];
    if (direct !== undefined && direct !== '') values[name] = direct;
    else if (file !== undefined && file !== '') {
      try {
        values[name] = readFileSync(file, 'utf8').trim();
      } catch (error) {
        problems.push(`${name}_FILE: ${(error as Error).message}`);
      }
    }
  }
  const result = envSchema.safeParse(values);
  if (!result.success)
    problems.push(...result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  else if (result.data.REDIS_CLUSTER && result.data.REDIS_SENTINELS !== undefined)
    problems.push('REDIS_CLUSTER, REDIS_SENTINELS: use one of the two');
  else if ((result.data.S3_ACCESS_KEY_ID === undefined) !== (result.data.S3_SECRET_ACCESS_KEY === undefined))
    problems.push('S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY: set both or neither');
  else if ((result.data.TLS_CERT === undefined) !== (result.data.TLS_KEY === undefined))
    problems.push('TLS_CERT, TLS_KEY: set both or neither');
  else if (result.data.TLS_CLIENT_CA !== undefined && result.data.TLS_CERT === undefined)
    problems.push('TLS_CLIENT_CA: needs TLS_CERT and TLS_KEY');
  if (problems.length > 0 || !result.success)
    throw new ConfigError(`The configuration is wrong:\n  ${problems.join('\n  ')}`);
  return Object.freeze(result.data);
}
