import type { Change } from '../core/decision.js';
import type { SessionRecord } from '../core/session.js';
import { stateChanges } from '../core/state-changes.js';
import { countChange } from './count-change.js';
import { logChange } from './log-change.js';
import type { Logger } from './logger.js';
import { traceChange } from './round-trace.js';

/**
 * Counts, logs and traces a change of a session. Of all who try to write a change one succeeds, and that one calls this:
 * so operators hear of each once, whichever process it was.
 */
export function tellChange(before: SessionRecord | null, change: Change, log: Logger | null): void {
  countChange(change);
  const changes = stateChanges(before, change);
  if (log !== null) logChange(log, change, changes);
  traceChange(change.next, { before, changes });
}
