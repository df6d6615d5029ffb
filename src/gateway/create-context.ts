import type { ModelChecker } from '../keras/check-model.js';
import { ThreadModelChecker } from '../keras/check-model-in-thread.js';
import { ThreadKerasConverter, type KerasConverter } from '../keras/convert-in-thread.js';
import { TokenVerifier } from './auth/tokens.js';
import type { GatewayContext, GatewayDeps } from './context.js';
import { PieceBuffers } from './service/piece-buffers.js';
import { SessionWatch } from './service/session-watch.js';
import { ShardCache } from './service/shard-cache.js';
import { UploadSlots } from './service/upload-slots.js';
import { Watermark } from './service/watermark.js';

/** Each holds up to four shards: memory for uploads stays below UPLOADS × 4 MiB with shards of the usual size. */
const UPLOADS = 64;
const UPLOADS_PER_REPO = 48;
/** Each may be of MAX_KERAS_BYTES, and is in memory two or three times while it is converted. */
const CONVERSIONS = 2;
const UPLOAD_WAIT_MS = 20_000;
const IDLE_BUFFERS = 16;

export function createContext(
  deps: GatewayDeps,
  own: { draining: AbortSignal; models?: ModelChecker | undefined; keras?: KerasConverter | undefined },
): GatewayContext {
  const { config, blobs, stores } = deps;
  return {
    ...deps,
    draining: own.draining,
    tokens: new TokenVerifier(config),
    models: own.models ?? new ThreadModelChecker(),
    keras: own.keras ?? new ThreadKerasConverter(),
    shards: new ShardCache(blobs, config.MODEL_CACHE_BYTES),
    buffers: new PieceBuffers({ bytes: config.SHARD_PARAMS * 4, maxIdle: IDLE_BUFFERS }),
    uploads: new UploadSlots({ total: UPLOADS, perRepo: UPLOADS_PER_REPO, waitMs: UPLOAD_WAIT_MS }),
    conversions: new UploadSlots({ total: CONVERSIONS, perRepo: 1, waitMs: UPLOAD_WAIT_MS }),
    watermark: new Watermark(stores.context, {
      share: config.MEMORY_WATERMARK,
      maxBytesWithoutLimit: config.MAX_USED_MEMORY_BYTES,
    }),
    watch: new SessionWatch(),
  };
}
