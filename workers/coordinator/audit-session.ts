import { isFinal, type SessionRecord } from '../../src/core/session.js';
import type { NewAuditEntry } from '../../src/redis/audit-trail.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** What was written already, so that a session that is looked at often costs nothing. Losing it costs a question to Redis. */
const KEPT = 4_096;
const written = new Map<string, 'started' | 'ended'>();

/** Writes into the Repo's audit trail that a session began or ended: once, whoever looks at it how often. */
export async function auditSession({ stores }: PoolDeps, session: SessionRecord): Promise<void> {
  const { repoId, sessionId, state } = session;
  if (state === 'queued') return;
  const mark = isFinal(state) ? 'ended' : 'started';
  const key = `${repoId}/${sessionId}`;
  if (written.get(key) === mark) return;
  await stores.audit.append(repoId, entryOf(session, mark), { sessionId, mark });
  written.set(key, mark);
  if (written.size > KEPT) written.delete(written.keys().next().value ?? '');
}

function entryOf({ sessionId, state, version }: SessionRecord, mark: 'started' | 'ended'): NewAuditEntry {
  const isEnd = mark === 'ended';
  return {
    action: isEnd ? 'session.ended' : 'session.started',
    actor: { kind: 'pool', id: 'coordinator', role: null },
    address: null,
    target: isEnd ? { sessionId, state, version } : { sessionId },
    result: 'ok',
    count: 1,
  };
}
