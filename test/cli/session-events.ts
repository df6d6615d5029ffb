import type { SessionEvent } from '../../src/core/decision.js';
import type { NodeRecord, NodeRole } from '../../src/protocol/records.js';

/** The events of a session after `rounds` published rounds of ten Libraries, `received` updates into the next. */
export function sessionEvents({ rounds, received }: { rounds: number; received: number }): SessionEvent[] {
  const done = Array.from({ length: rounds }, (_, i) => publishedRound(i + 1)).flat();
  const next = rounds + 1;
  const updates = Array.from({ length: received }, (_, i): SessionEvent => ({
    type: 'update.received',
    round: next,
    received: i + 1,
    needed: 10,
  }));
  return [{ type: 'session.recruiting', reason: null }, ...done, ...opened(next), ...updates];
}

function opened(round: number): SessionEvent[] {
  return [
    { type: 'round.selecting', round, attempt: 1, reason: null },
    { type: 'round.opened', round, attempt: 1, selected: 10, needed: 10 },
  ];
}

function publishedRound(round: number): SessionEvent[] {
  const openedMs = 1_000_000 + round * 3_000;
  const summary = {
    round,
    attempt: 1,
    selected: 10,
    updates: 10,
    totalExamples: 60_000,
    metrics: { loss: 0.3 / round, accuracy: 0.9 },
    evaluation: { loss: 0.5 / round, accuracy: 0.85 },
    openedMs,
    closedMs: openedMs + 1_500,
    publishedMs: openedMs + 2_000,
    sha256: 'ab'.repeat(32),
  };
  return [
    ...opened(round),
    { type: 'round.closed', round, updates: 10 },
    { type: 'round.published', round, summary },
    { type: 'version.scored', version: round, metrics: { loss: 0.4 / round, accuracy: 0.97 - 0.07 / round } },
  ];
}

export function node(role: NodeRole, n: number): NodeRecord {
  return {
    nodeId: `${role}-${n}`,
    role,
    version: '0.1.0',
    host: 'here',
    pid: 100 + n,
    startedMs: 0,
    url: role === 'gateway' ? `http://127.0.0.1:808${n}` : null,
    slots: role === 'aggregator' ? 2 : 0,
    busySlots: 0,
    connections: 0,
    rssMiB: 64,
  };
}
