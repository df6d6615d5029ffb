import type { Job } from '../../core/job.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { FoldArena } from '../../tensors/kernels.js';

/** A Library clips in f32: its norm may come out a little above the bound. */
const NORM_TOLERANCE = 1e-3;

/** What the job demands of the numbers of an update, checked as its shards pass. */
export class UpdateRulesCheck {
  readonly #arena: FoldArena;
  readonly #job: Job;
  readonly #shardParams: number;
  #sumSquares = 0;

  constructor(arena: FoldArena, job: Job, shardParams: number) {
    this.#arena = arena;
    this.#job = job;
    this.#shardParams = shardParams;
  }

  /** Shard `index`, which lies in the arena. @throws `update_not_finite`, `update_magnitude_exceeded` */
  checkShard({ at, bytes, index }: { at: number; bytes: Uint8Array; index: number }): void {
    const { finite, maxAbs, sumSquares } = this.#arena.scan(at, bytes.length);
    const first = index * this.#shardParams;
    const where = `between parameters ${first} and ${first + bytes.length / 4 - 1}`;
    if (!finite) throw new CloudNodeError('update_not_finite', `The update has NaN or infinity ${where}.`);
    const { maxMagnitude } = this.#job.update;
    if (maxAbs > maxMagnitude)
      throw new CloudNodeError(
        'update_magnitude_exceeded',
        `The update has an element of magnitude ${maxAbs} ${where}; update.maxMagnitude is ${maxMagnitude}.`,
      );
    this.#sumSquares += sumSquares;
  }

  /** After the last shard. @throws `update_norm_exceeded` */
  checkNorm(): void {
    const { clipNorm } = this.#job.privacy;
    const norm = Math.sqrt(this.#sumSquares);
    if (clipNorm !== null && norm > clipNorm * (1 + NORM_TOLERANCE))
      throw new CloudNodeError(
        'update_norm_exceeded',
        `The update has L2 norm ${norm}; privacy.clipNorm is ${clipNorm}.`,
      );
  }
}
