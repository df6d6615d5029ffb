import { AuditTrail } from './audit-trail.js';
import type { RedisContext } from './context.js';
import { EventLog } from './event-log.js';
import { LibraryStore } from './library-store.js';
import { ModelStore } from './model-store.js';
import { PoolRegistry } from './pool-registry.js';
import { RepoStore } from './repo-store.js';
import { RoundStore } from './round-store.js';
import { SessionStore } from './session-store.js';

/** Everything that Redis holds, by subject. */
export interface Stores {
  readonly context: RedisContext;
  readonly repos: RepoStore;
  readonly libraries: LibraryStore;
  readonly sessions: SessionStore;
  readonly rounds: RoundStore;
  readonly models: ModelStore;
  readonly events: EventLog;
  readonly pool: PoolRegistry;
  readonly audit: AuditTrail;
}

export interface StoreLimits {
  /** @default 100_000 */
  readonly auditMaxEntries?: number;
}

export function createStores(context: RedisContext, limits: StoreLimits = {}): Stores {
  return {
    context,
    repos: new RepoStore(context),
    libraries: new LibraryStore(context),
    sessions: new SessionStore(context),
    rounds: new RoundStore(context),
    models: new ModelStore(context),
    events: new EventLog(context),
    pool: new PoolRegistry(context),
    audit: new AuditTrail(context, limits.auditMaxEntries ?? 100_000),
  };
}
