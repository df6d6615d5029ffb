import { POOL_TRAIL, type AuditAction, type AuditTarget } from '../../protocol/audit.js';
import { CloudNodeError, type ErrorCode } from '../../protocol/errors.js';
import type { AuditTrail, NewAuditEntry } from '../../redis/audit-trail.js';
import type { Logger } from '../../telemetry/logger.js';
import { NOBODY, type By } from './by.js';
import { Sums, type SumRule } from './sums.js';

const MINUTE_MS = 60_000;
const FLUSH_MS = MINUTE_MS;
/** A stranger makes at most so many entries per gateway and window. */
const REFUSALS: SumRule = { windowMs: 10 * MINUTE_MS, maxKinds: 32 };
const FAILURES: SumRule = { windowMs: 10 * MINUTE_MS, maxKinds: 256 };
const READS: SumRule = { windowMs: 10 * MINUTE_MS, maxKinds: 1_024 };
/** Ten thousand Libraries that come and go all day are a hundred entries and a sum. */
const LIBRARIES: SumRule = { windowMs: 6 * 60 * MINUTE_MS, maxKinds: 100 };

const REFUSED: ReadonlySet<ErrorCode> = new Set(['unauthenticated', 'forbidden', 'not_assigned']);

const UNKNOWN: By = { actor: NOBODY, address: null };
const OTHERS: AuditTarget = { others: 1 };

interface Act {
  /** null: the pool's trail. */
  readonly repoId: string | null;
  readonly action: AuditAction;
  readonly target?: AuditTarget;
}

type Entry = NewAuditEntry & { readonly trail: string };

/** Writes down what is asked of this gateway: what changes something before it is answered, what is frequent in sums. */
export class Audit {
  readonly #trail: AuditTrail;
  readonly #log: Logger;
  readonly #sums: Sums<Entry>;
  /** Apart: strangers must not take the place of those who were let in. */
  readonly #refusals: Sums<Entry>;
  readonly #writing = new Set<Promise<unknown>>();
  readonly #timer: NodeJS.Timeout;

  constructor(trail: AuditTrail, log: Logger) {
    this.#trail = trail;
    this.#log = log;
    const overflow = entryOf(UNKNOWN, { repoId: null, action: 'request.refused', target: OTHERS });
    const write = (entry: Entry, count: number): void => this.#inBackground({ ...entry, count });
    this.#sums = new Sums(write, null);
    this.#refusals = new Sums(write, overflow);
    this.#timer = setInterval(() => this.#flush(performance.now()), FLUSH_MS).unref();
  }

  /**
   * Does something and writes down that it was done; what came of it belongs to the target. Nobody is told that it is
   * done before it is written. A failure that trying again does not mend is written too.
   */
  async act<T>(by: By, act: Act, work: () => Promise<T>, targetOf?: (done: T) => AuditTarget): Promise<T> {
    let done: T;
    try {
      done = await work();
    } catch (error) {
      if (error instanceof CloudNodeError && !error.retryable && !REFUSED.has(error.code))
        this.#sum({ ...entryOf(by, act), result: error.code }, FAILURES);
      throw error;
    }
    const entry = entryOf(by, act);
    await this.write({ ...entry, target: { ...entry.target, ...targetOf?.(done) } });
    return done;
  }

  /** One entry, written when it resolves. */
  async write({ trail, ...entry }: Entry): Promise<void> {
    await this.#trail.append(trail, entry);
  }

  /** Something that was done is written when it resolves. */
  done(by: By, act: Act): Promise<void> {
    return this.write(entryOf(by, act));
  }

  /** Somebody reads what leaves the pool by it; the same again is counted. Nobody waits for it. */
  read(by: By, act: Act): void {
    this.#sum(entryOf(by, act), READS);
  }

  /** What Libraries do all day; the same again is counted. */
  library(by: By, act: Act): void {
    this.#sum(entryOf(by, act), LIBRARIES);
  }

  /** Credentials were refused or not sufficient; any other error is nobody's fault here. */
  refused(by: By, { repoId, code, where }: { repoId: string | null; code: ErrorCode; where: string }): void {
    if (!REFUSED.has(code)) return;
    const act: Act = { repoId, action: 'request.refused', target: { where: where.slice(0, 256) } };
    this.#sum({ ...entryOf(by, act), result: code }, REFUSALS);
  }

  /** Writes what was counted so far. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    // Twice: what was counted for a Repo that does not exist becomes the pool's.
    for (let pass = 0; pass < 2; pass++) {
      this.#flush(Infinity);
      await Promise.all(this.#writing);
    }
  }

  #flush(nowMs: number): void {
    this.#sums.flush(nowMs);
    this.#refusals.flush(nowMs);
  }

  #sum(entry: Entry, rule: SumRule): void {
    const { trail, action, actor, address, target, result, count } = entry;
    const group = `${trail} ${action}`;
    const kind = JSON.stringify([group, actor, address, target, result]);
    const others: Entry = { ...entry, actor: { ...actor, id: '' }, address: null, target: OTHERS };
    const sums = rule === REFUSALS ? this.#refusals : this.#sums;
    sums.add({ kind, group, rule, what: entry, others, count }, performance.now());
  }

  #inBackground({ trail, ...entry }: Entry): void {
    const write = async (): Promise<void> => {
      if (await this.#trail.append(trail, entry)) return;
      // Whoever names Repos that do not exist is the pool's affair, and the same one whatever the names.
      if (entry.action === 'request.refused') this.#sum({ ...entry, trail: POOL_TRAIL }, REFUSALS);
    };
    const writing = write().catch((error: unknown) => {
      this.#log.error({ trail, entry, err: (error as Error).message }, 'audit entry lost');
    });
    this.#writing.add(writing);
    void writing.then(() => this.#writing.delete(writing));
  }
}

function entryOf({ actor, address }: By, { repoId, action, target = {} }: Act): Entry {
  return { trail: repoId ?? POOL_TRAIL, action, actor, address, target, result: 'ok', count: 1 };
}
