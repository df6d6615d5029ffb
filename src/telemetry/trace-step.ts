import type { Change } from '../core/decision.js';
import type { SessionRecord } from '../core/session.js';
import { stateChanges } from '../core/state-changes.js';
import { attemptSpan, attributesOf } from './round-trace.js';
import { isTracing, recordSpan } from './tracing.js';

/** What a coordinator did to bring a round from one state to the next: deciding, writing, telling those concerned. */
export function traceStep(before: SessionRecord, change: Change, startMs: number): void {
  if (!isTracing()) return;
  const { repoId, sessionId } = before;
  for (const { round, to, from, sinceMs, atMs } of stateChanges(before, change)) {
    // The span of the attempt begins when it is opened.
    if (round === null || to === 'selecting') continue;
    const at = { repoId, sessionId, round: round.number, attempt: round.attempt };
    recordSpan({
      name: `reconcile to ${to}`,
      startMs,
      endMs: Date.now(),
      parent: attemptSpan(at),
      attributes: {
        ...attributesOf(at),
        'cloud_node.from': from ?? '',
        'cloud_node.in_state_ms': sinceMs === null ? 0 : Math.max(0, atMs - sinceMs),
      },
    });
  }
}
