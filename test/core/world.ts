import type { AssignmentView, Change, SessionEvent, Snapshot } from '../../src/core/decision.js';
import type { Job } from '../../src/core/job.js';
import { pauseSession, resumeSession } from '../../src/core/pause.js';
import { reconcile } from '../../src/core/reconcile.js';
import {
  isFinal,
  type AssignmentRecord,
  type Receipt,
  type RoundSummary,
  type SessionRecord,
} from '../../src/core/session.js';
import { jobSchema, type JobInput } from '../../src/protocol/job.js';
import { parse } from '../../src/protocol/parse.js';

export const LEASE_MS = 30_000;

export function makeJob(input: Partial<JobInput> = {}): Job {
  return parse(jobSchema, { modelId: 'm-1', hyperparams: { batchSize: 10 }, ...input });
}

export function newSession(job: Job, nowMs = 0): SessionRecord {
  return {
    v: 1,
    repoId: 'repo',
    sessionId: 's-1',
    job,
    seed: 7,
    geometry: { paramCount: 10, shardParams: 10, shardCount: 1 },
    createdMs: nowMs,
    state: 'queued',
    reason: null,
    stateSinceMs: nowMs,
    deadlineMs: nowMs + 86_400_000,
    pausedUntilMs: null,
    version: 0,
    round: null,
    best: null,
    leftovers: [],
    endedMs: null,
  };
}

interface Attempt {
  readonly assignments: Map<string, AssignmentRecord>;
  readonly receipts: Receipt[];
  produced: boolean;
  lost: string | null;
}

/** A session in a world of plain maps: what the stores do, without Redis, so that rules can be explored quickly. */
export class World {
  nowMs = 0;
  session: SessionRecord;
  /** libraryId → ms since it was last seen (0: present), with its examples. */
  readonly present = new Map<string, number>();
  readonly awaySinceMs = new Map<string, number>();
  /** Since when there has been a gateway; null: there is none. */
  reachableSinceMs: number | null = -Infinity;
  readonly events: SessionEvent[] = [];
  readonly summaries: RoundSummary[] = [];
  readonly scores: { version: number; metrics: Record<string, number> }[] = [];
  ahead = 0;
  hasTestSet = false;
  aggregatorsWork = true;
  #attempts = new Map<string, Attempt>();

  constructor(job: Job) {
    this.session = newSession(job);
  }

  get attempt(): Attempt | undefined {
    const { round } = this.session;
    return round === null ? undefined : this.#attempts.get(`${round.number}.${round.attempt}`);
  }

  join(libraryId: string, numExamples = 100): void {
    this.comeBack();
    this.present.set(libraryId, numExamples);
    this.awaySinceMs.delete(libraryId);
  }

  leave(libraryId: string): void {
    if (this.present.delete(libraryId)) this.awaySinceMs.set(libraryId, this.nowMs);
  }

  /** All gateways are gone, and with them the connections of all Libraries. */
  goAway(): void {
    for (const libraryId of [...this.present.keys()]) this.leave(libraryId);
    this.reachableSinceMs = null;
  }

  comeBack(): void {
    this.reachableSinceMs ??= this.nowMs;
  }

  get reachableMs(): number {
    return this.reachableSinceMs === null ? 0 : this.nowMs - this.reachableSinceMs;
  }

  absentMs(libraryId: string): number {
    return this.present.has(libraryId) ? 0 : this.nowMs - (this.awaySinceMs.get(libraryId) ?? -Infinity);
  }

  /** @returns whether the update was counted, by the same rule as the commit script */
  update(libraryId: string, updateId = `${libraryId}-u`): boolean {
    const { round } = this.session;
    const assignment = this.attempt?.assignments.get(libraryId);
    if (round?.state !== 'collecting' || assignment === undefined) return false;
    if (assignment.state !== 'offered' && assignment.state !== 'accepted') return false;
    this.attempt?.assignments.set(libraryId, { ...assignment, state: 'received', updateId });
    const numExamples = 100;
    const metrics = { loss: 1 / round.number };
    this.attempt?.receipts.push({
      libraryId,
      updateId,
      blob: `u.${updateId}`,
      numExamples,
      metrics,
      evaluation: null,
      receivedMs: this.nowMs,
    });
    return true;
  }

  settle(libraryId: string, state: 'accepted' | 'declined' | 'failed'): void {
    const assignment = this.attempt?.assignments.get(libraryId);
    if (this.session.round?.state !== 'collecting' || assignment === undefined) return;
    if (assignment.state !== 'offered' && assignment.state !== 'accepted') return;
    this.attempt?.assignments.set(libraryId, { ...assignment, state });
  }

  pause(pause: boolean): void {
    const change = (pause ? pauseSession : resumeSession)(this.session, this.nowMs);
    if (change !== null) this.#apply(change);
  }

  lose(reason: string): void {
    if (this.attempt !== undefined) this.attempt.lost = reason;
  }

  snapshot(): Snapshot {
    const { attempt } = this;
    const closing = this.session.round?.state === 'closing';
    const assignments: AssignmentView[] = [...(attempt?.assignments ?? [])].map(
      ([libraryId, assignment]) => ({
        libraryId,
        ...assignment,
        absentMs: this.absentMs(libraryId),
      }),
    );
    return {
      session: this.session,
      nowMs: this.nowMs,
      queue: { ahead: this.ahead, concurrency: 1 },
      candidates: [...this.present].map(([libraryId, numExamples]) => ({ libraryId, numExamples })),
      assignments,
      received: attempt?.receipts.length ?? 0,
      receipts: attempt?.receipts ?? [],
      lost: attempt?.lost ?? null,
      produced:
        closing && this.aggregatorsWork
          ? { sha256: `sha-${this.session.round?.number ?? 0}`, shards: ['x'] }
          : null,
      scores: this.scores,
      hasTestSet: this.hasTestSet,
      leaseMs: LEASE_MS,
      reachableMs: this.reachableMs,
    };
  }

  /** Reconciles until nothing changes; returns the changes made. */
  run(): Change[] {
    const changes: Change[] = [];
    for (let step = 0; step < 1_000; step++) {
      const change = reconcile(this.snapshot());
      if (change === null) return changes;
      this.#apply(change);
      changes.push(change);
    }
    throw new Error('reconcile does not settle');
  }

  get isOver(): boolean {
    return isFinal(this.session.state);
  }

  #apply(change: Change): void {
    this.session = change.next;
    this.events.push(...change.events);
    if (change.summary !== undefined) this.summaries.push(change.summary);
    const { round } = change.next;
    if (round === null) return;
    const key = `${round.number}.${round.attempt}`;
    const attempt = this.#attempts.get(key) ?? {
      assignments: new Map(),
      receipts: [],
      produced: false,
      lost: null,
    };
    this.#attempts.set(key, attempt);
    for (const id of change.assign ?? []) {
      if ((attempt.assignments.get(id)?.state ?? 'expired') === 'expired')
        attempt.assignments.set(id, { state: 'offered', offeredMs: this.nowMs });
    }
    for (const id of change.expire ?? []) {
      const assignment = attempt.assignments.get(id);
      if (assignment !== undefined) attempt.assignments.set(id, { ...assignment, state: 'expired' });
    }
  }
}
