import type { Change, SessionEvent } from '../core/decision.js';
import type { SessionRecord } from '../core/session.js';
import type { StateChange } from '../core/state-changes.js';
import type { Logger } from './logger.js';
import { traceIdOf } from './round-trace.js';

/**
 * One line for each change of state; the fields are in docs/operate.md. Called by whoever wrote the change, so that no
 * change has two lines.
 */
export function logChange(
  log: Logger,
  { next, events }: { next: SessionRecord; events: Change['events'] },
  changes: readonly StateChange[],
): void {
  const { repoId, sessionId } = next;
  for (const { round, from, to, reason, sinceMs, atMs } of changes) {
    const at = round === null ? {} : { round: round.number, attempt: round.attempt };
    const inStateMs = sinceMs === null ? null : Math.max(0, atMs - sinceMs);
    const line = { repoId, sessionId, ...at, from, to, reason, inStateMs };
    if (round === null) log.info(line, 'session state changed');
    else {
      const { selected, needed, updates } = round;
      log.info({ ...line, selected, needed, updates, ...traceIdOf(next, round) }, 'round state changed');
    }
  }
  for (const event of events) logOther(log, { repoId, sessionId }, event);
}

/** What is told and changes no state. */
function logOther(log: Logger, session: { repoId: string; sessionId: string }, event: SessionEvent): void {
  switch (event.type) {
    case 'session.paused':
      return log.info(session, 'session paused');
    case 'session.resumed':
      return log.info(session, 'session resumed');
    case 'round.replaced': {
      const { round, expired, assigned } = event;
      return log.info({ ...session, round, expired, assigned }, 'Libraries replaced');
    }
    default:
  }
}
