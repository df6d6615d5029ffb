import type * as S3 from '@aws-sdk/client-s3';
import { CloudNodeError } from '../protocol/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { Limit } from './limit.js';
import { useContentMd5 } from './s3-content-md5.js';
import { placeOf, type S3Location } from './s3-location.js';
import { SpareMemory } from '../tensors/spare-memory.js';
import { readBody } from './s3-read-body.js';

/** Of the protocol: what one listing or one deletion may name. */
export const MAX_KEYS = 1_000;

/** Requests at once of one thread: each holds a connection and at most one blob. */
const REQUESTS = 32;
const ATTEMPTS = 3;
const CONNECT_MS = 3_000;
/** Silence of the other side, and time until its answer begins. */
const ANSWER_MS = 10_000;

export interface S3Options {
  readonly location: S3Location;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly log: Logger;
  /** Silence after which a request is given up, and tried again twice. */
  readonly answerMs?: number | undefined;
}

/** The only code that speaks S3. Failures are `blob_store_unavailable`; keys come without the location's prefix. */
export class S3Bucket {
  readonly location: S3Location;
  readonly #sdk: typeof S3;
  readonly #client: S3.S3Client;
  readonly #log: Logger;
  readonly #limit = new Limit(REQUESTS);
  readonly #memory = new SpareMemory(REQUESTS);

  private constructor(sdk: typeof S3, options: S3Options) {
    const { location, credentials, log, answerMs = ANSWER_MS } = options;
    const { endpoint, region } = location;
    this.location = location;
    this.#sdk = sdk;
    this.#log = log;
    this.#client = new sdk.S3Client({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      ...(credentials === undefined ? {} : { credentials }),
      maxAttempts: ATTEMPTS,
      // Names carry the hash of what must last, and TCP has checksums: JavaScript need not make one more.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // It would open a connection of its own for every large blob.
      expectContinueHeader: false,
      requestHandler: {
        httpAgent: { keepAlive: true, maxSockets: REQUESTS },
        httpsAgent: { keepAlive: true, maxSockets: REQUESTS },
        connectionTimeout: Math.min(CONNECT_MS, answerMs),
        requestTimeout: answerMs,
        socketTimeout: answerMs,
        throwOnRequestTimeout: true,
      },
    });
    useContentMd5(this.#client);
  }

  /** Loads the SDK, which costs tens of MiB and a third of a second: only whoever has a bucket pays. */
  static async open(options: S3Options): Promise<S3Bucket> {
    // Its version is fixed: that later ones want a newer Node is no news for whoever runs a pool.
    process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
    return new S3Bucket(await import('@aws-sdk/client-s3'), options);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const { PutObjectCommand } = this.#sdk;
    await this.#do('put', () =>
      this.#client.send(new PutObjectCommand({ ...this.#object(key), Body: bytes })),
    );
  }

  async get(key: string): Promise<Uint8Array | null> {
    return this.#do('get', async () => {
      try {
        return await this.#read(key);
      } catch (error) {
        // Only what the store says itself: a missing bucket or a proxy that does not know it are something else.
        if (error instanceof this.#sdk.NoSuchKey) return null;
        throw error;
      }
    });
  }

  /** The memory of what was got, and that nobody reads any more. */
  giveBack(bytes: Uint8Array): void {
    this.#memory.giveBack(bytes);
  }

  /** At most {@link MAX_KEYS}. */
  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const { DeleteObjectsCommand } = this.#sdk;
    await this.#do('delete', async () => {
      const { bucket, prefix } = this.location;
      const Objects = keys.map((key) => ({ Key: prefix + key }));
      const { Errors = [] } = await this.#client.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      );
      const failed = Errors.find(({ Code }) => Code !== 'NoSuchKey');
      if (failed !== undefined) throw Object.assign(new Error(failed.Message), { name: failed.Code });
    });
  }

  /** The first {@link MAX_KEYS} that begin so. */
  async list(start: string): Promise<string[]> {
    const { bucket, prefix } = this.location;
    const { ListObjectsV2Command } = this.#sdk;
    const { Contents = [] } = await this.#do('list', () =>
      this.#client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix + start })),
    );
    return Contents.map(({ Key = '' }) => Key.slice(prefix.length));
  }

  /** Whether the bucket is there for us. @throws whatever the SDK does */
  async head(): Promise<void> {
    await this.#client.send(new this.#sdk.HeadBucketCommand({ Bucket: this.location.bucket }));
  }

  close(): void {
    this.#client.destroy();
  }

  async #read(key: string): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      const command = new this.#sdk.GetObjectCommand(this.#object(key));
      const { Body, ContentLength } = await this.#client.send(command);
      try {
        return await readBody(Body, ContentLength, this.#memory);
      } catch (error) {
        // The SDK tries again by itself, except when the answer breaks off in its middle.
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  #object(key: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.location;
    return { Bucket: bucket, Key: prefix + key };
  }

  async #do<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#limit.run(work);
    } catch (error) {
      const reason = describe(error);
      this.#log.warn({ what, store: placeOf(this.location), err: reason }, 'object store failed');
      throw new CloudNodeError(
        'blob_store_unavailable',
        `The object store did not ${what} a blob: ${reason}.`,
        {
          cause: error,
        },
      );
    }
  }
}

/** Codes only: a message may name hosts and keys. */
export function describe(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  return code ?? name ?? 'unknown error';
}
