import type { RedisContext } from '../redis/context.js';
import type { Logger } from '../telemetry/logger.js';
import type { BlobStore } from './blob-store.js';
import { RedisBlobStore } from './redis-blob-store.js';
import { S3BlobStore } from './s3-blob-store.js';
import { S3Bucket } from './s3-bucket.js';
import { parseBlobStore } from './s3-location.js';

/** The variables that say where bytes are. */
export interface BlobEnv {
  readonly BLOB_STORE: string;
  readonly S3_ACCESS_KEY_ID?: string | undefined;
  readonly S3_SECRET_ACCESS_KEY?: string | undefined;
}

/** The store that the configuration names; it asks nobody yet. The same for every process of a pool. */
export async function createBlobStore(env: BlobEnv, context: RedisContext, log: Logger): Promise<BlobStore> {
  const location = parseBlobStore(env.BLOB_STORE);
  if (location === null) return new RedisBlobStore(context);
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  return new S3BlobStore(context, await S3Bucket.open({ location, credentials, log }));
}
