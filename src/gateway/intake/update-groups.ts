import { payloadBytes } from '../../core/encoding.js';
import type { Admitted } from './admit-update.js';
import type { Place } from './intake-memory.js';
import { UpdateGroup } from './update-group.js';
import type { IntakeDeps } from './intake-deps.js';

/** An update for whose memory nobody made room for so long goes to the store by itself: slow senders hold it. */
const WAIT_MS = 5_000;

/** More that come in at once are no faster. Of larger updates one comes in at a time, which leaves memory to others. */
const AT_ONCE_BYTES = 16 * 1024 * 1024;

/** An update that will be in memory as a whole, and whom it is counted with. */
export interface Seat {
  readonly group: UpdateGroup;
  readonly place: Place;
}

interface Entry {
  users: number;
  /** Null when there is no room for it. */
  readonly sum: Promise<Place | null>;
  readonly group: Promise<UpdateGroup | null>;
}

/** The groups of this gateway: one for each attempt of which updates are coming in, gone when none is. */
export class UpdateGroups {
  readonly #open = new Map<string, Entry>();

  /**
   * Runs with a seat for the update, or with null when it is too large for the memory, or the memory is taken.
   */
  async run<T>(deps: IntakeDeps, admission: Admitted, upload: (seat: Seat | null) => Promise<T>): Promise<T> {
    const { session } = admission;
    const sumBytes = session.geometry.paramCount * 8;
    const updateBytes = payloadBytes(session.job.update.encoding, session.geometry);
    if (sumBytes + updateBytes > deps.intake.maxBytesPerRepo) return upload(null);
    const { repoId, sessionId, round, attempt } = admission.at;
    const key = `${repoId}/${sessionId}/${round}.${attempt}`;
    const entry = this.#open.get(key) ?? newEntry(deps, admission, sumBytes);
    this.#open.set(key, entry);
    entry.users++;
    try {
      const group = await entry.group;
      if (group === null) return await upload(null);
      group.enter();
      try {
        const place = await deps.intake.take(repoId, updateBytes, {
          waitMs: WAIT_MS,
          capBytes: sumBytes + Math.max(AT_ONCE_BYTES, updateBytes),
        });
        // Whoever is in the group must not wait for one that takes the long way.
        if (place !== null) return await upload({ group, place });
      } finally {
        group.leave();
      }
      return await upload(null);
    } finally {
      if (--entry.users === 0) {
        this.#open.delete(key);
        (await entry.sum)?.release();
      }
    }
  }
}

function newEntry(deps: IntakeDeps, admission: Admitted, sumBytes: number): Entry {
  const sum = deps.intake.take(admission.at.repoId, sumBytes, { waitMs: WAIT_MS });
  const group = sum.then((place) => (place === null ? null : new UpdateGroup(deps, admission, place)));
  return { users: 0, sum, group };
}
