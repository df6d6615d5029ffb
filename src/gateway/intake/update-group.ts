import { randomBytes } from 'node:crypto';
import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { shardBytes } from '../../core/encoding.js';
import type { Receipt } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Committed } from '../../redis/round-store.js';
import { SCRIPT_CODES, scriptError } from '../../redis/script-codes.js';
import { shardSpan } from '../../tensors/sharding.js';
import type { Admitted } from './admit-update.js';
import { announceUpdates } from './announce-updates.js';
import { inBackground } from '../service/in-background.js';
import type { Place } from './intake-memory.js';
import type { IntakeDeps } from './intake-deps.js';

/** How long an update that is here waits for others to be counted with it, at least and at most. */
const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 5_000;
/** In between: storing sums, which takes long for a large model, is to take a small part of the time. */
const WAITS_PER_COMMIT = 20;

export type NewReceipt = Omit<Receipt, 'receivedMs' | 'blob'>;

interface Member {
  readonly receipt: NewReceipt;
  /** Its bytes, until they are in the sum. */
  place: Place | null;
  readonly sinceMs: number;
  readonly done: Promise<Committed>;
  resolve(committed: Committed): void;
  reject(reason: unknown): void;
}

/**
 * The updates of one attempt that are at this gateway. They are added to an exact sum as they come; the sum is stored
 * and all of them are counted in one atomic step, and only then is each acknowledged. So many updates cost the store as
 * much as two (a sum has 8 bytes a parameter), and exact folding makes the result the same as one by one (design law 4).
 */
export class UpdateGroup {
  readonly #deps: IntakeDeps;
  readonly #admission: Admitted;
  readonly #sum: Place;
  /** In the sum; or the only one, whose bytes are as good. */
  #members: Member[] = [];
  /** Being counted. */
  #counting: readonly Member[] = [];
  /** Not in the sum yet. */
  #arrived: Member[] = [];
  #inProgress = 0;
  #running = false;
  #wake: () => void = () => undefined;
  #patienceMs = MIN_WAIT_MS;
  #received = 0;
  #needed = Infinity;

  constructor(deps: IntakeDeps, admission: Admitted, sum: Place) {
    this.#deps = deps;
    this.#admission = admission;
    this.#sum = sum;
  }

  /** An update begins to come in: those that are here may wait for it. */
  enter(): void {
    this.#inProgress++;
  }

  leave(): void {
    this.#inProgress--;
    this.#wake();
  }

  /**
   * Counts an update whose bytes are at `place`, which is released. Resolves when it is counted.
   * @throws what `RoundStore.commit` throws; `upload_interrupted` when one that came with it was not counted
   */
  async add(receipt: NewReceipt, place: Place): Promise<Committed> {
    const other = this.#find(receipt.libraryId);
    if (other !== undefined) {
      place.release();
      const committed = await other.done;
      if (other.receipt.updateId === receipt.updateId) return { ...committed, duplicate: true };
      throw scriptError(SCRIPT_CODES.alreadyReceived, {
        ...this.#admission.at,
        libraryId: receipt.libraryId,
      });
    }
    const member = newMember(receipt, place);
    this.#arrived.push(member);
    this.#wake();
    if (!this.#running) void this.#run();
    return member.done;
  }

  #find(libraryId: string): Member | undefined {
    return [...this.#counting, ...this.#members, ...this.#arrived].find(
      (member) => member.receipt.libraryId === libraryId,
    );
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#members.length + this.#arrived.length > 0) {
      try {
        await this.#foldArrived();
      } catch (error) {
        this.#giveUp(error);
        break;
      }
      const waitMs = this.#waitMs();
      if (waitMs > 0) await this.#changed(waitMs);
      else await this.#commit();
    }
    this.#running = false;
  }

  async #foldArrived(): Promise<void> {
    const { session, round } = this.#admission;
    this.#members.push(...this.#arrived.splice(0));
    // A single one needs no sum, its own bytes are fewer; but others that come may need its place.
    if (this.#members.length < 2 && this.#nobodyComes) return;
    const waiting = this.#members.filter((member) => member.place !== null);
    if (waiting.length === 0) return;
    const { paramCount, shardParams } = session.geometry;
    await this.#deps.intake.kernels.fold({
      sumAt: this.#sum.at,
      clear: waiting.length === this.#members.length,
      updates: waiting.map(({ place, receipt }) => ({
        at: place?.at ?? 0,
        numExamples: receipt.numExamples,
      })),
      encoding: session.job.update.encoding,
      paramCount,
      shardParams,
      scale: round.scale,
    });
    for (const member of waiting) {
      member.place?.release();
      member.place = null;
    }
  }

  /** The sum can not be trusted any more: all that is in it is sent again. */
  #giveUp(reason: unknown): void {
    for (const member of [...this.#members.splice(0), ...this.#arrived.splice(0)]) {
      member.place?.release();
      member.place = null;
      member.reject(reason);
    }
  }

  /** 0: now. When nobody else is coming, when the round is full, or when the first has waited long enough. */
  #waitMs(): number {
    const full = this.#received + this.#members.length >= this.#needed;
    if (this.#nobodyComes || full) return 0;
    return Math.max(0, (this.#members[0]?.sinceMs ?? 0) + this.#patienceMs - Date.now());
  }

  get #nobodyComes(): boolean {
    return this.#inProgress <= this.#members.length;
  }

  async #changed(withinMs: number): Promise<void> {
    // What came while the others were folded has woken nobody.
    if (this.#arrived.length > 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
  }

  async #commit(): Promise<void> {
    const members = this.#members.splice(0);
    const startedMs = performance.now();
    this.#counting = members;
    const stored: BlobRef[] = [];
    try {
      const blob = await this.#store(members, stored);
      const receipts = members.map(({ receipt }) => ({ ...receipt, blob }));
      const { at } = this.#admission;
      const outcome = await this.#deps.stores.rounds.commitAll(at, receipts);
      if (!outcome.counted) this.#free(stored);
      this.#received = outcome.received;
      this.#needed = outcome.needed;
      members.forEach((member, i) => {
        const error = outcome.errors[i];
        const { received, needed } = outcome;
        if (error !== undefined && error !== null) member.reject(error);
        else if (outcome.counted || outcome.duplicates[i])
          member.resolve({ duplicate: outcome.duplicates[i] === true, received, needed });
        else member.reject(notCounted('another one that was to be counted with it was refused'));
      });
      if (outcome.counted) announceUpdates(this.#deps, at, outcome);
    } catch (error) {
      // Without an answer from Redis they may have been counted: their bytes end by their time to live.
      if (error instanceof CloudNodeError) this.#free(stored);
      for (const member of members) member.reject(error);
    } finally {
      for (const member of members) member.place?.release();
      this.#counting = [];
      const tookMs = performance.now() - startedMs;
      this.#patienceMs = Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, WAITS_PER_COMMIT * tookMs));
    }
  }

  /** @returns the name of the blobs, one for each shard */
  async #store(members: readonly Member[], stored: BlobRef[]): Promise<string> {
    const { repoId, sessionId, geometry } = this.#admission.session;
    const single = members.length === 1 ? (members[0]?.place ?? null) : null;
    const id = randomBytes(8).toString('hex');
    const name = single === null ? blobName.sum(id) : blobName.update(id);
    const { encoding } = this.#admission.session.job.update;
    const { ttlMs } = this.#admission;
    await Promise.all(
      Array.from({ length: geometry.shardCount }, async (_, shard) => {
        const { start, length } = shardSpan(geometry.paramCount, geometry.shardParams, shard);
        const bytes =
          single === null
            ? this.#sum.view(start * 8, length * 8)
            : single.view(shard * shardBytes(encoding, geometry.shardParams), shardBytes(encoding, length));
        const ref = { repoId, scope: sessionId, shard, name };
        stored.push(ref);
        await this.#deps.blobs.put(ref, bytes, { ttlMs });
      }),
    );
    return name;
  }

  #free(refs: readonly BlobRef[]): void {
    inBackground(this.#deps, 'free', this.#deps.blobs.delete(refs));
  }
}

function newMember(receipt: NewReceipt, place: Place): Member {
  let resolve: Member['resolve'] = () => undefined;
  let reject: Member['reject'] = () => undefined;
  const done = new Promise<Committed>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { receipt, place, sinceMs: Date.now(), done, resolve, reject };
}

function notCounted(why: string): CloudNodeError {
  return new CloudNodeError('upload_interrupted', `The update was not counted: ${why}.`, {
    retryAfterMs: 200,
  });
}
