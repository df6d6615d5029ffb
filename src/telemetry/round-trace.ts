import { createHash, randomBytes } from 'node:crypto';
import type { RoundRecord, SessionRecord } from '../core/session.js';
import type { StateChange } from '../core/state-changes.js';
import type { Attributes, SpanRef } from './span.js';
import { isTracing, recordSpan } from './tracing.js';

/** One attempt at a round. */
export interface TracedAttempt {
  readonly repoId: string;
  readonly sessionId: string;
  readonly round: number;
  readonly attempt: number;
}

/** What is going on in it; null: the attempt as a whole. */
export type Phase = 'collecting' | 'closing' | null;

const MAX_TEXT = 300;

/**
 * The span of an attempt at a round, or of a phase of it. The ids are a hash of its name, so that every process knows
 * them without asking: all that is done for an attempt lands in one trace, and nothing is stored for it.
 */
export function attemptSpan(at: TracedAttempt, phase: Phase = null): SpanRef {
  const name = `${at.repoId}/${at.sessionId}/${at.round}.${at.attempt}`;
  return { traceId: hash(name, 16), spanId: hash(`${name}/${phase ?? ''}`, 8) };
}

function sessionSpan({ repoId, sessionId }: { repoId: string; sessionId: string }): SpanRef {
  const name = `${repoId}/${sessionId}`;
  return { traceId: hash(name, 16), spanId: hash(`${name}/`, 8) };
}

function hash(text: string, bytes: number): string {
  return createHash('sha256')
    .update(`cloud-node/${text}`)
    .digest('hex')
    .slice(0, 2 * bytes);
}

export function attributesOf({ repoId, sessionId, round, attempt }: TracedAttempt): Attributes {
  return {
    'cloud_node.repo': repoId,
    'cloud_node.session': sessionId,
    'cloud_node.round': round,
    'cloud_node.attempt': attempt,
  };
}

/** For log lines: where to look for more. */
export function traceIdOf(session: SessionRecord, round: RoundRecord): { traceId?: string } {
  return isTracing() ? { traceId: attemptSpan(attemptOf(session, round)).traceId } : {};
}

/** What ended with a change: phases, attempts, the session. */
export function traceChange(
  next: SessionRecord,
  { before, changes }: { before: SessionRecord | null; changes: readonly StateChange[] },
): void {
  if (!isTracing()) return;
  for (const change of changes) {
    if (change.round === null) traceSession(next, change);
    else if (before?.round != null) traceRound(attemptOf(next, change.round), before.round, change);
  }
}

function traceRound(at: TracedAttempt, left: RoundRecord, { from, to, ...change }: StateChange): void {
  const { atMs: endMs, sinceMs } = change;
  const failure = to === 'abandoned' ? (change.reason ?? 'abandoned').slice(0, MAX_TEXT) : undefined;
  if ((from === 'collecting' || from === 'closing') && sinceMs !== null) {
    recordSpan({
      name: `round.${from}`,
      startMs: sinceMs,
      endMs,
      self: attemptSpan(at, from),
      parent: attemptSpan(at),
      attributes: attributesOf(at),
      error: failure,
    });
  }
  if (to !== 'published' && to !== 'abandoned') return;
  const retried = at.attempt > 1 ? [attemptSpan({ ...at, attempt: at.attempt - 1 })] : [];
  const { selected, needed, updates } = change.round ?? left;
  recordSpan({
    name: 'round',
    startMs: left.openedMs,
    endMs,
    self: attemptSpan(at),
    parent: null,
    links: [sessionSpan(at), ...retried],
    attributes: {
      ...attributesOf(at),
      'cloud_node.selected': selected,
      'cloud_node.needed': needed,
      'cloud_node.updates': updates,
    },
    error: failure,
  });
}

function traceSession(session: SessionRecord, { to, reason, atMs }: StateChange): void {
  if (session.endedMs === null) return;
  recordSpan({
    name: 'session',
    startMs: session.createdMs,
    endMs: atMs,
    self: sessionSpan(session),
    parent: null,
    attributes: {
      'cloud_node.repo': session.repoId,
      'cloud_node.session': session.sessionId,
      'cloud_node.version': session.version,
      'cloud_node.state': to,
      'cloud_node.reason': (reason ?? '').slice(0, MAX_TEXT),
    },
    error: to === 'failed' ? (reason ?? to).slice(0, MAX_TEXT) : undefined,
  });
}

function attemptOf({ repoId, sessionId }: SessionRecord, round: RoundRecord): TracedAttempt {
  return { repoId, sessionId, round: round.number, attempt: round.attempt };
}

/** A request that is being answered: what it leads to is told to it. */
export interface RequestTrace {
  readonly self: SpanRef;
  readonly links: SpanRef[];
  readonly attributes: Attributes;
}

/** Runs what takes an update in, as part of its round's trace, and links it with the request that brought it. */
export function traceUpdate<T>(
  at: TracedAttempt,
  { request, bytes }: { request: RequestTrace | undefined; bytes: number },
  run: () => Promise<T>,
): Promise<T> {
  if (!isTracing()) return run();
  const parent = attemptSpan(at, 'collecting');
  const self = { traceId: parent.traceId, spanId: randomBytes(8).toString('hex') };
  request?.links.push(self);
  const startMs = Date.now();
  const record = (error?: unknown): void =>
    recordSpan({
      name: 'update',
      startMs,
      endMs: Date.now(),
      self,
      parent,
      links: request === undefined ? [] : [request.self],
      attributes: { ...attributesOf(at), 'cloud_node.bytes': bytes },
      error: error === undefined ? undefined : codeOf(error),
    });
  return run().then(
    (value) => {
      record();
      return value;
    },
    (reason: unknown) => {
      record(reason);
      throw reason;
    },
  );
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'internal';
}
