import { randomBytes } from 'node:crypto';
import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import { shardBytes } from '../../core/encoding.js';
import { shardSpan } from '../../tensors/sharding.js';
import { inBackground } from '../service/in-background.js';
import type { Admitted } from './admit-update.js';
import { releasePlace, type GroupMember } from './group-member.js';
import type { IntakeDeps } from './intake-deps.js';
import type { Place } from './intake-memory.js';

/** The exact sum of updates that are counted together, in memory and in the store. */
export class GroupSum {
  readonly #deps: IntakeDeps;
  readonly #admission: Admitted;
  readonly #sum: Place;

  constructor(deps: IntakeDeps, admission: Admitted, sum: Place) {
    this.#deps = deps;
    this.#admission = admission;
    this.#sum = sum;
  }

  /** Adds those of the members that are not in it yet, and lets go of their bytes. */
  async fold(members: readonly GroupMember[]): Promise<void> {
    const { session, round } = this.#admission;
    const waiting = members.filter((member) => member.place !== null);
    if (waiting.length === 0) return;
    const { paramCount, shardParams } = session.geometry;
    await this.#deps.intake.kernels.fold({
      sumAt: this.#sum.at,
      clear: waiting.length === members.length,
      updates: waiting.map(({ place, receipt }) => ({
        at: place?.at ?? 0,
        numExamples: receipt.numExamples,
      })),
      encoding: session.job.update.encoding,
      paramCount,
      shardParams,
      scale: round.scale,
    });
    waiting.forEach(releasePlace);
  }

  /**
   * Stores the sum, or the bytes of a single one, which are fewer.
   * @param stored gets each blob before it is written, so that they can be freed whatever happens
   * @returns the name of the blobs, one for each shard
   */
  async store(members: readonly GroupMember[], stored: BlobRef[]): Promise<string> {
    const { session, ttlMs } = this.#admission;
    const { paramCount, shardParams, shardCount } = session.geometry;
    const { encoding } = session.job.update;
    const single = members.length === 1 ? (members[0]?.place ?? null) : null;
    const id = randomBytes(8).toString('hex');
    const name = single === null ? blobName.sum(id) : blobName.update(id);
    const put = async (shard: number): Promise<void> => {
      const { start, length } = shardSpan(paramCount, shardParams, shard);
      const bytes =
        single === null
          ? this.#sum.view(start * 8, length * 8)
          : single.view(shard * shardBytes(encoding, shardParams), shardBytes(encoding, length));
      const ref = { repoId: session.repoId, scope: session.sessionId, shard, name };
      stored.push(ref);
      await this.#deps.blobs.put(ref, bytes, { ttlMs });
    };
    await Promise.all(Array.from({ length: shardCount }, (_, shard) => put(shard)));
    return name;
  }

  free(refs: readonly BlobRef[]): void {
    inBackground(this.#deps, 'free', this.#deps.blobs.delete(refs));
  }
}
