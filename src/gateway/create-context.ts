import type { ModelChecker } from '../keras/check-model.js';
import { ThreadModelChecker } from '../keras/check-model-in-thread.js';
import { TokenVerifier } from './auth/tokens.js';
import type { GatewayContext, GatewayDeps } from './context.js';
import { IntakeMemory } from './service/intake-memory.js';
import { SessionWatch } from './service/session-watch.js';
import { ShardCache } from './service/shard-cache.js';
import { UpdateGroups } from './service/update-groups.js';
import { Watermark } from './service/watermark.js';

export function createContext(
  deps: GatewayDeps,
  own: { draining: AbortSignal; models?: ModelChecker | undefined },
): GatewayContext {
  const { config, blobs, stores } = deps;
  return {
    ...deps,
    draining: own.draining,
    tokens: new TokenVerifier(config),
    models: own.models ?? new ThreadModelChecker(),
    shards: new ShardCache(blobs, config.MODEL_CACHE_BYTES),
    intake: new IntakeMemory(config.INTAKE_BYTES),
    groups: new UpdateGroups(),
    watermark: new Watermark(stores.context, {
      share: config.MEMORY_WATERMARK,
      maxBytesWithoutLimit: config.MAX_USED_MEMORY_BYTES,
    }),
    watch: new SessionWatch(),
  };
}
