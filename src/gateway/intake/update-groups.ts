import { payloadBytes } from '../../core/encoding.js';
import type { Admitted } from './admit-update.js';
import type { Place } from './intake-memory.js';
import { UpdateGroup } from './update-group.js';
import type { IntakeDeps } from './intake-deps.js';

/** An update for whose memory nobody made room for so long goes to the store by itself: slow senders hold it. */
const WAIT_MS = 5_000;

/** More that come in at once are no faster: one folds while others arrive, and two are enough for that. */
const AT_ONCE_BYTES = 16 * 1024 * 1024;

/** An update that will be in memory as a whole, and whom it is counted with. */
export interface Seat {
  readonly group: UpdateGroup;
  readonly place: Place;
}

/** The groups of this gateway: one for each attempt of which updates are coming in, gone when none is. */
export class UpdateGroups {
  readonly #open = new Map<
    string,
    { group: Promise<UpdateGroup | null>; users: number; sum: Place | null }
  >();

  /**
   * Runs with a seat for the update, or with null when it is too large for the memory, or the memory is taken.
   */
  async run<T>(ctx: IntakeDeps, admission: Admitted, upload: (seat: Seat | null) => Promise<T>): Promise<T> {
    const { repoId, geometry } = admission.session;
    const update = payloadBytes(admission.session.job.update.encoding, geometry);
    const bytes = { sum: geometry.paramCount * 8, update };
    if (bytes.sum + bytes.update > ctx.intake.maxBytesPerRepo) return upload(null);
    const leave = this.#enter(ctx, admission, bytes.sum);
    try {
      const group = await leave.group;
      if (group === null) return await upload(null);
      group.enter();
      try {
        const place = await ctx.intake.take(repoId, bytes.update, {
          waitMs: WAIT_MS,
          capBytes: bytes.sum + Math.max(AT_ONCE_BYTES, 2 * bytes.update),
        });
        // Whoever is in the group must not wait for one that takes the long way.
        if (place !== null) return await upload({ group, place });
      } finally {
        group.leave();
      }
      return await upload(null);
    } finally {
      leave.done();
    }
  }

  #enter(
    ctx: IntakeDeps,
    admission: Admitted,
    sumBytes: number,
  ): { group: Promise<UpdateGroup | null>; done: () => void } {
    const { repoId, sessionId, round, attempt } = admission.at;
    const key = `${repoId}/${sessionId}/${round}.${attempt}`;
    let entry = this.#open.get(key);
    if (entry === undefined) {
      const opened = {
        users: 0,
        sum: null as Place | null,
        group: Promise.resolve<UpdateGroup | null>(null),
      };
      opened.group = ctx.intake.take(repoId, sumBytes, { waitMs: WAIT_MS }).then((sum) => {
        opened.sum = sum;
        return sum === null ? null : new UpdateGroup(ctx, admission, sum);
      });
      this.#open.set(key, opened);
      entry = opened;
    }
    const { group } = entry;
    const current = entry;
    current.users++;
    const done = (): void => {
      if (--current.users > 0) return;
      this.#open.delete(key);
      current.sum?.release();
    };
    return { group, done };
  }
}
