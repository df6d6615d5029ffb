import type { BlobStore } from '../blobs/blob-store.js';
import type { Config } from '../config/env.js';
import type { ModelChecker } from '../keras/check-model.js';
import type { KerasConverter } from '../keras/convert-in-thread.js';
import type { WorkQueues } from '../redis/queues.js';
import type { Stores } from '../redis/stores.js';
import type { Logger } from '../telemetry/logger.js';
import type { TokenVerifier } from './auth/tokens.js';
import type { PieceBuffers } from './service/piece-buffers.js';
import type { SessionWatch } from './service/session-watch.js';
import type { ShardCache } from './service/shard-cache.js';
import type { UploadSlots } from './service/upload-slots.js';
import type { Watermark } from './service/watermark.js';

/** What a gateway is made from. */
export interface GatewayDeps {
  readonly config: Config;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly queues: WorkQueues;
  readonly log: Logger;
  readonly nodeId: string;
}

/** What its routes and events work with. */
export interface GatewayContext extends GatewayDeps {
  readonly tokens: TokenVerifier;
  readonly models: ModelChecker;
  readonly keras: KerasConverter;
  readonly shards: ShardCache;
  readonly buffers: PieceBuffers;
  readonly uploads: UploadSlots;
  /** Keras files that are in memory at once. */
  readonly conversions: UploadSlots;
  readonly watermark: Watermark;
  readonly watch: SessionWatch;
  /** Aborted when the gateway begins to drain: streams without an end of their own end then. */
  readonly draining: AbortSignal;
}

/** A Library that has shown its key. */
export interface LibraryIdentity {
  readonly repoId: string;
  readonly keyId: string;
  readonly libraryId: string;
}
