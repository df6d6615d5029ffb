import type { SessionRecord } from '../core/session.js';
import type { ModelChecker } from '../keras/check-model.js';
import type { KerasConverter } from '../keras/convert-in-thread.js';
import type { PoolDeps } from '../process/pool-deps.js';
import type { Assignment } from '../protocol/library.js';
import type { SharedReads } from '../redis/shared-reads.js';
import type { KeyUse } from './auth/key-use.js';
import type { Revocations } from './auth/revocations.js';
import type { Audit } from './audit/audit.js';
import type { TokenVerifier } from './auth/tokens.js';
import type { PoolSigner } from './identity/pool-signer.js';
import type { IntakeDeps } from './intake/intake-deps.js';
import type { Limits } from './limits/limits.js';
import type { FewAtOnce } from './service/few-at-once.js';
import type { HalfParameters } from './service/half-parameters.js';
import type { SessionWatch } from './service/session-watch.js';
import type { ShardCache } from './service/shard-cache.js';
import type { UpdateGroups } from './intake/update-groups.js';
import type { Watermark } from './intake/watermark.js';

/** What its routes and events work with. */
export interface GatewayContext extends PoolDeps, IntakeDeps {
  readonly tokens: TokenVerifier;
  readonly revocations: Revocations;
  readonly keyUse: KeyUse;
  readonly limits: Limits;
  readonly audit: Audit;
  readonly models: ModelChecker;
  readonly keras: KerasConverter;
  readonly shards: ShardCache;
  /** Keras files that are in memory at once. */
  readonly conversions: FewAtOnce;
  readonly groups: UpdateGroups;
  readonly halves: HalfParameters;
  readonly watermark: Watermark;
  readonly watch: SessionWatch;
  /** What rounds offer, by their sessions, while it is being read. */
  readonly offers: SharedReads<Omit<Assignment, 'state'>, SessionRecord>;
  /** Null: the pool has no key, and what it says is unsigned. */
  readonly signer: PoolSigner | null;
  /** Aborted when the gateway begins to drain: streams without an end of their own end then. */
  readonly draining: AbortSignal;
}

/** A Library that has shown its key. */
export interface LibraryIdentity {
  readonly repoId: string;
  readonly keyId: string;
  readonly libraryId: string;
  /** When its key ends by itself; null: never. */
  readonly expiresMs: number | null;
}
