import type { Config } from '../config/env.js';
import type { ModelChecker } from '../keras/check-model.js';
import { ThreadModelChecker } from '../keras/check-model-in-thread.js';
import { ThreadKerasConverter, type KerasConverter } from '../keras/convert-in-thread.js';
import type { PoolDeps } from '../process/pool-deps.js';
import { SharedReads } from '../redis/shared-reads.js';
import { KeyUse } from './auth/key-use.js';
import { Revocations } from './auth/revocations.js';
import { Audit } from './audit/audit.js';
import { TokenVerifier } from './auth/tokens.js';
import type { GatewayContext } from './context.js';
import { PoolSigner } from './identity/pool-signer.js';
import { IntakeMemory } from './intake/intake-memory.js';
import { Limits } from './limits/limits.js';
import { FewAtOnce } from './service/few-at-once.js';
import { HalfParameters } from './service/half-parameters.js';
import { eachShard } from './service/parameters.js';
import { SessionWatch } from './service/session-watch.js';
import { ShardCache } from './service/shard-cache.js';
import type { IntakeKernels } from './intake/kernel-thread.js';
import { UpdateGroups } from './intake/update-groups.js';
import { Watermark } from './intake/watermark.js';

/** Each may be of MAX_KERAS_BYTES, and is in memory two or three times while it is converted. */
const CONVERSIONS = { total: 2, perRepo: 1 };

/** Where the bytes of uploads are scanned and folded; by default in a thread. */
export type KernelsOver = (memory: WebAssembly.Memory) => IntakeKernels;

export function createContext(
  deps: PoolDeps,
  own: {
    draining: AbortSignal;
    models?: ModelChecker | undefined;
    keras?: KerasConverter | undefined;
    kernels?: KernelsOver | undefined;
  },
): GatewayContext {
  const { config, blobs, stores } = deps;
  const shards = new ShardCache(blobs, config.MODEL_CACHE_BYTES);
  return {
    ...deps,
    draining: own.draining,
    tokens: new TokenVerifier(config),
    revocations: new Revocations(stores, { log: deps.log, keepMs: keepRevocationsMs(config) }),
    keyUse: new KeyUse(stores.repos, deps.log),
    limits: new Limits(stores.rates, config),
    audit: new Audit(stores.audit, deps.log),
    models: own.models ?? new ThreadModelChecker(),
    keras: own.keras ?? new ThreadKerasConverter(),
    conversions: new FewAtOnce(CONVERSIONS),
    shards,
    halves: new HalfParameters((repoId, parameters) => eachShard(shards, repoId, parameters)),
    intake: new IntakeMemory(config.INTAKE_BYTES, own.kernels),
    groups: new UpdateGroups(),
    watermark: new Watermark(stores.context, {
      share: config.MEMORY_WATERMARK,
      maxBytesWithoutLimit: config.MAX_USED_MEMORY_BYTES,
    }),
    watch: new SessionWatch(),
    offers: new SharedReads(),
    signer: PoolSigner.from(config),
  };
}

/** As long as a token may live; a day at least, so that a gateway which was cut off learns of keys too. */
function keepRevocationsMs({ AUTH_MAX_TOKEN_LIFETIME_MS, AUTH_CLOCK_TOLERANCE_MS }: Config): number {
  return Math.max(86_400_000, AUTH_MAX_TOKEN_LIFETIME_MS + AUTH_CLOCK_TOLERANCE_MS);
}
