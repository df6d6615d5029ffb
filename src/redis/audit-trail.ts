import { createHash } from 'node:crypto';
import {
  auditEntry,
  canonicalJson,
  hashedText,
  POOL_TRAIL,
  type AuditAction,
  type AuditActor,
  type AuditEntry,
  type AuditHead,
  type AuditTarget,
} from '../protocol/audit.js';
import { CloudNodeError } from '../protocol/errors.js';
import { parseJson } from '../protocol/parse.js';
import { metrics } from '../telemetry/metrics.js';
import type { RedisContext } from './context.js';
import { runScript } from './run-script.js';
import { SCRIPT_CODES } from './script-codes.js';

export interface NewAuditEntry {
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly address: string | null;
  readonly target: AuditTarget;
  readonly result: string;
  readonly count: number;
}

/** What is written once in the life of a session, however often it is tried. */
export interface AuditOnce {
  readonly sessionId: string;
  readonly mark: 'started' | 'ended';
}

interface Waiting {
  readonly entry: NewAuditEntry;
  readonly once: AuditOnce | undefined;
  readonly resolve: (written: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface Look {
  readonly code: number;
  readonly head: AuditHead;
  readonly firstSeq: number;
  readonly nowMs: number;
}

const AT_ONCE = 64;
/** Somebody gets through each time; with so many writers that this is not enough, the trail is not the problem. */
const TRIES = 200;
const MARKS = { started: '1', ended: '2' } as const;
const APPENDED = 1;

/**
 * Append-only trails of what was done, each entry with the hash of the one before. SHA-256 is computed here, not in
 * Redis, so the end of the trail is compared and set: of two who append at once, one does so again. What one process
 * appends meanwhile goes in one step.
 */
export class AuditTrail {
  readonly #context: RedisContext;
  readonly #maxEntries: number;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(context: RedisContext, maxEntries: number) {
    this.#context = context;
    this.#maxEntries = maxEntries;
  }

  /** Written when it resolves. @returns false when there is no such Repo, or what happens once is there already */
  append(trail: string, entry: NewAuditEntry, once?: AuditOnce): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiting = { entry, once, resolve, reject };
      const queue = this.#waiting.get(trail);
      if (queue !== undefined) return void queue.push(waiting);
      this.#waiting.set(trail, [waiting]);
      void this.#writeAll(trail);
    });
  }

  /** Its last entry. */
  async head(trail: string): Promise<AuditHead> {
    return (await this.#run(trail, { guarded: false })).head;
  }

  /** Entries after `after` as they are stored, a line each, oldest first. */
  async read(trail: string, { after, limit }: { after: number; limit: number }): Promise<string[]> {
    const { redis } = this.#context;
    const { entries } = this.#keys(trail);
    const found = await redis.xrange(entries, `${after + 1}-0`, '+', 'COUNT', limit);
    return found.map(([, fields]) => fields[1] ?? '');
  }

  async #writeAll(trail: string): Promise<void> {
    const queue = this.#waiting.get(trail) ?? [];
    while (queue.length > 0) {
      // Its mark belongs to one entry, so that one goes alone.
      const alone = queue.findIndex(({ once }) => once !== undefined);
      const batch = queue.splice(0, alone === -1 ? AT_ONCE : Math.max(alone, 1));
      try {
        const written = await this.#write(trail, batch);
        for (const { resolve } of batch) resolve(written);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#waiting.delete(trail);
  }

  async #write(trail: string, batch: readonly Waiting[]): Promise<boolean> {
    const once = batch[0]?.once;
    let at = await this.#run(trail, { once });
    let dropped = 0;
    for (let left = TRIES; left > 0 && at.code === 0; left--) {
      const { added, firstSeq } = await this.#withTrim(
        trail,
        at,
        batch.map(({ entry }) => entry),
      );
      const entries = chain(trail, at, added);
      dropped = firstSeq - at.firstSeq;
      at = await this.#run(trail, { once, head: at.head.sha256, entries, firstSeq });
    }
    if (at.code === 0) throw new CloudNodeError('conflict', 'The audit trail changed too often in between.');
    if (at.code !== APPENDED) return false;
    metrics.auditEntries.inc({ trail: trail === POOL_TRAIL ? 'pool' : 'repo' }, batch.length);
    metrics.auditTrimmed.inc(dropped);
    return true;
  }

  /** A trail that is full loses its oldest tenth, and says so with the hash that the rest goes on from. */
  async #withTrim(
    trail: string,
    { head, firstSeq }: Look,
    added: readonly NewAuditEntry[],
  ): Promise<{ added: readonly NewAuditEntry[]; firstSeq: number }> {
    const kept = head.seq - firstSeq + 1;
    if (kept + added.length <= this.#maxEntries) return { added, firstSeq };
    const throughSeq = Math.min(firstSeq + Math.ceil(this.#maxEntries / 10) - 1, head.seq);
    const [line] = await this.read(trail, { after: throughSeq - 1, limit: 1 });
    const last = line === undefined ? null : parseJson(auditEntry, line, 'internal');
    // Somebody else trims it at this moment.
    if (last?.seq !== throughSeq) return { added, firstSeq };
    const trimmed: NewAuditEntry = {
      action: 'trail.trimmed',
      actor: { kind: 'pool', id: '', role: null },
      address: null,
      target: { throughSeq, throughSha256: last.sha256, entries: throughSeq - firstSeq + 1 },
      result: 'ok',
      count: 1,
    };
    return { added: [trimmed, ...added], firstSeq: throughSeq + 1 };
  }

  async #run(
    trail: string,
    write: {
      guarded?: boolean;
      once?: AuditOnce | undefined;
      head?: string;
      entries?: readonly AuditEntry[];
      firstSeq?: number;
    },
  ): Promise<Look> {
    const { redis, keys } = this.#context;
    const { head, entries, repo } = this.#keys(trail);
    const { once, entries: added = [] } = write;
    const guarded = repo !== null && write.guarded !== false;
    const mark = once === undefined ? head : keys.sessionRecord(trail, once.sessionId);
    const reply = (await runScript(redis, 'appendAudit', {
      keys: [head, entries, repo ?? head, mark],
      args: [
        write.head ?? '',
        added.at(-1)?.sha256 ?? '',
        write.firstSeq ?? 0,
        guarded ? '1' : '0',
        once === undefined ? '' : MARKS[once.mark],
        ...added.map(canonicalJson),
      ],
    })) as [number, number, string, number, number];
    const [code, seq, sha256, firstSeq, nowMs] = reply;
    if (code < 0 && code !== SCRIPT_CODES.noRepo)
      throw new CloudNodeError('internal', `A script answered ${code}.`);
    return { code, head: { seq, sha256 }, firstSeq, nowMs };
  }

  #keys(trail: string): { head: string; entries: string; repo: string | null } {
    const { keys } = this.#context;
    if (trail === POOL_TRAIL) return { head: keys.poolAuditHead(), entries: keys.poolAudit(), repo: null };
    return { head: keys.auditHead(trail), entries: keys.audit(trail), repo: keys.repoRecord(trail) };
  }
}

function chain(trail: string, { head, nowMs }: Look, added: readonly NewAuditEntry[]): AuditEntry[] {
  let { seq, sha256 } = head;
  return added.map((entry) => {
    seq += 1;
    const unhashed = { v: 1 as const, trail, seq, atMs: nowMs, ...entry, prevSha256: sha256 };
    sha256 = createHash('sha256').update(hashedText(unhashed)).digest('hex');
    return { ...unhashed, sha256 };
  });
}
