import { AliasStore } from './alias-store.js';
import type { Logger } from '../telemetry/logger.js';
import { AuditTrail } from './audit-trail.js';
import type { RedisContext } from './context.js';
import { EvaluationStore } from './evaluation-store.js';
import { EventLog } from './event-log.js';
import { LibraryStore } from './library-store.js';
import { ModelStore } from './model-store.js';
import { PoolRegistry } from './pool-registry.js';
import { RepoStore } from './repo-store.js';
import { RevocationLog } from './revocation-log.js';
import { RoundStore } from './round-store.js';
import { SessionStore } from './session-store.js';
import { TokenBuckets } from './token-buckets.js';

/** Everything that Redis holds, by subject. */
export interface Stores {
  readonly context: RedisContext;
  readonly repos: RepoStore;
  readonly libraries: LibraryStore;
  readonly sessions: SessionStore;
  readonly rounds: RoundStore;
  readonly models: ModelStore;
  readonly aliases: AliasStore;
  readonly evaluations: EvaluationStore;
  readonly events: EventLog;
  readonly pool: PoolRegistry;
  readonly revocations: RevocationLog;
  readonly rates: TokenBuckets;
  readonly audit: AuditTrail;
}

export interface StoreOptions {
  /** @default 100_000 */
  readonly auditMaxEntries?: number;
  /** Where changes of sessions are told. @default nowhere */
  readonly log?: Logger;
}

export function createStores(context: RedisContext, options: StoreOptions = {}): Stores {
  return {
    context,
    repos: new RepoStore(context),
    libraries: new LibraryStore(context),
    sessions: new SessionStore(context, options.log ?? null),
    rounds: new RoundStore(context),
    models: new ModelStore(context),
    aliases: new AliasStore(context),
    evaluations: new EvaluationStore(context),
    events: new EventLog(context),
    pool: new PoolRegistry(context),
    revocations: new RevocationLog(context),
    rates: new TokenBuckets(context),
    audit: new AuditTrail(context, options.auditMaxEntries ?? 100_000),
  };
}
