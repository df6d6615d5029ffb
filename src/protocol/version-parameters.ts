import type { VersionEntry } from '../core/decision.js';
import type { SessionRecord } from '../core/session.js';
import type { ParametersRef } from './model.js';

/** Where a version that the session published is: its shards belong to the session. */
export function versionParameters(session: SessionRecord, entry: VersionEntry): ParametersRef {
  const { shardParams, paramCount } = session.geometry;
  const { version, sha256 } = entry;
  return { scope: session.sessionId, version, sha256, shards: [...entry.shards], shardParams, paramCount };
}
