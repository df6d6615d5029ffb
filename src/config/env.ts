import { readFileSync } from 'node:fs';
import * as z from 'zod';

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
  AUTH_SECRET: z
    .string()
    .min(32, 'use at least 32 characters')
    .optional()
    .describe('HS256 secret of the tokens for Explora and Dashboard.'),
  AUTH_JWKS_URL: z.url().optional().describe('JWKS that verifies tokens instead of AUTH_SECRET.'),
  AUTH_ISSUER: z.string().optional().describe('Required issuer of tokens, if set.'),
  AUTH_AUDIENCE: z.string().optional().describe('Required audience of tokens, if set.'),
  MAX_MODEL_BYTES: integer(1, 2 ** 40)
    .default(2 ** 30)
    .describe('Largest model or test set upload, bytes.'),
  MAX_KERAS_BYTES: integer(1, 2 ** 31)
    .default(256 * 1024 * 1024)
    .describe('Largest Keras file that a gateway converts, in memory, bytes.'),
  MAX_JSON_BYTES: integer(1_024, 2 ** 30)
    .default(256 * 1024)
    .describe('Largest JSON body, bytes.'),
  SHARD_PARAMS: integer(8, 2 ** 24)
    .default(262_144)
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
  AGGREGATOR_SLOTS: integer(1, 64).default(2).describe('Jobs an aggregator process works on at once.'),
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
});
export type Config = Readonly<z.infer<typeof envSchema>>;

export class ConfigError extends Error {}

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
  if (problems.length > 0 || !result.success)
    throw new ConfigError(`The configuration is wrong:\n  ${problems.join('\n  ')}`);
  return Object.freeze(result.data);
}
