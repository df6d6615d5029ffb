import type { Change, SessionEvent } from '../core/decision.js';
import { metrics } from './metrics.js';

/** Counts what a change of a session means; called by whoever wrote it, so nothing counts twice. */
export function countChange({ next, events, assign = [], expire = [] }: Change): void {
  metrics.assigned.inc(assign.length);
  metrics.expired.inc(expire.length);
  for (const event of events) countEvent(event, next.stateSinceMs - next.createdMs);
}

function countEvent(event: SessionEvent, queuedMs: number): void {
  switch (event.type) {
    case 'session.recruiting':
      return metrics.sessionQueueSeconds.observe(queuedMs / 1_000);
    case 'session.completed':
    case 'session.failed':
    case 'session.cancelled':
      return metrics.sessions.inc({ state: event.type.slice('session.'.length) });
    case 'round.abandoned':
      return metrics.rounds.inc({ outcome: 'abandoned' });
    case 'round.published': {
      const { openedMs, closedMs, publishedMs, selected, updates } = event.summary;
      metrics.rounds.inc({ outcome: 'published' });
      metrics.roundSelected.inc(selected);
      metrics.roundUpdates.inc(updates);
      metrics.roundSeconds.observe((publishedMs - openedMs) / 1_000);
      metrics.roundPhaseSeconds.observe({ phase: 'collecting' }, (closedMs - openedMs) / 1_000);
      return metrics.roundPhaseSeconds.observe({ phase: 'closing' }, (publishedMs - closedMs) / 1_000);
    }
    default:
  }
}
