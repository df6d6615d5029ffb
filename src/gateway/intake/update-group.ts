import type { BlobRef } from '../../blobs/blob-store.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Committed } from '../../redis/round-store.js';
import { SCRIPT_CODES, scriptError } from '../../redis/script-codes.js';
import type { Admitted } from './admit-update.js';
import { announceUpdates } from './announce-updates.js';
import { newMember, releasePlace, type GroupMember, type NewReceipt } from './group-member.js';
import { GroupSum } from './group-sum.js';
import type { Place } from './intake-memory.js';
import type { IntakeDeps } from './intake-deps.js';

/** How long an update that is here waits for others to be counted with it, at least and at most. */
const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 5_000;
/** In between: storing sums, which takes long for a large model, is to take a small part of the time. */
const WAITS_PER_COMMIT = 20;

/**
 * The updates of one attempt that are at this gateway. They are added to an exact sum as they come; the sum is stored
 * and all of them are counted in one atomic step, and only then is each acknowledged. So many updates cost the store as
 * much as two (a sum has 8 bytes a parameter), and exact folding makes the result the same as one by one (design law 4).
 */
export class UpdateGroup {
  readonly #deps: IntakeDeps;
  readonly #admission: Admitted;
  readonly #sum: GroupSum;
  /** In the sum; or the only one, whose bytes are as good. */
  #members: GroupMember[] = [];
  /** Being counted. */
  #counting: readonly GroupMember[] = [];
  /** Not in the sum yet. */
  #arrived: GroupMember[] = [];
  #inProgress = 0;
  #running = false;
  #wake: () => void = () => undefined;
  #patienceMs = MIN_WAIT_MS;
  #received = 0;
  #needed = Infinity;

  constructor(deps: IntakeDeps, admission: Admitted, sum: Place) {
    this.#deps = deps;
    this.#admission = admission;
    this.#sum = new GroupSum(deps, admission, sum);
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

  #find(libraryId: string): GroupMember | undefined {
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
    this.#members.push(...this.#arrived.splice(0));
    // A single one needs no sum, its own bytes are fewer; but others that come may need its place.
    if (this.#members.length >= 2 || !this.#nobodyComes) await this.#sum.fold(this.#members);
  }

  /** The sum can not be trusted any more: all that is in it is sent again. */
  #giveUp(reason: unknown): void {
    for (const member of [...this.#members.splice(0), ...this.#arrived.splice(0)]) {
      releasePlace(member);
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
      const blob = await this.#sum.store(members, stored);
      const receipts = members.map(({ receipt }) => ({ ...receipt, blob }));
      const { at } = this.#admission;
      const outcome = await this.#deps.stores.rounds.commitAll(at, receipts);
      if (!outcome.counted) this.#sum.free(stored);
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
      if (error instanceof CloudNodeError) this.#sum.free(stored);
      for (const member of members) member.reject(error);
    } finally {
      members.forEach(releasePlace);
      this.#counting = [];
      const tookMs = performance.now() - startedMs;
      this.#patienceMs = Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, WAITS_PER_COMMIT * tookMs));
    }
  }
}

function notCounted(why: string): CloudNodeError {
  return new CloudNodeError('upload_interrupted', `The update was not counted: ${why}.`, {
    retryAfterMs: 200,
  });
}
