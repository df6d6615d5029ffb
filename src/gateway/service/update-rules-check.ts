import { encodingLayout } from '../../core/encoding.js';
import type { Job } from '../../core/job.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { scanPiece } from './scan-piece.js';

/** A Library clips in f32: its norm may come out a little above the bound. */
const NORM_TOLERANCE = 1e-3;

/** What the job demands of the numbers of an update, checked as its shards pass. */
export class UpdateRulesCheck {
  readonly #job: Job;
  readonly #shardParams: number;
  #sumSquares = 0;

  constructor(job: Job, shardParams: number) {
    this.#job = job;
    this.#shardParams = shardParams;
  }

  /** @throws `update_encoding_invalid`, `update_not_finite`, `update_magnitude_exceeded` */
  checkShard(bytes: Uint8Array, shard: number): void {
    const { encoding, maxMagnitude } = this.#job.update;
    const { headBytes, valueBytes } = encodingLayout(encoding);
    const { finite, maxAbs, sumSquares, fault } = scanPiece(bytes, encoding);
    const first = shard * this.#shardParams;
    const where = `between parameters ${first} and ${first + (bytes.length - headBytes) / valueBytes - 1}`;
    if (fault !== null)
      throw new CloudNodeError('update_encoding_invalid', `The shard ${where} is no ${encoding}: ${fault}.`);
    if (!finite) throw new CloudNodeError('update_not_finite', `The update has NaN or infinity ${where}.`);
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
