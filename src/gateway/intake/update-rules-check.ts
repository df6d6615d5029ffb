import type { SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { shardSpan } from '../../tensors/sharding.js';
import type { IntakeKernels } from './kernel-thread.js';
import type { Piece } from './receive-pieces.js';

/** A Library clips in f32: its norm may come out a little above the bound. */
const NORM_TOLERANCE = 1e-3;

/** What the job demands of the numbers of an update, checked as its shards pass. */
export class UpdateRulesCheck {
  readonly #kernels: IntakeKernels;
  readonly #session: SessionRecord;
  /** By shard, so that the order of adding is always the same. */
  readonly #sumSquares: number[] = [];

  constructor(kernels: IntakeKernels, session: SessionRecord) {
    this.#kernels = kernels;
    this.#session = session;
  }

  /** @throws `update_not_finite`, `update_magnitude_exceeded`, `update_encoding_invalid` */
  async checkShard({ at, bytes, index }: Piece): Promise<void> {
    const { geometry, job } = this.#session;
    const { encoding, maxMagnitude } = job.update;
    const norm = job.privacy.clipNorm !== null;
    const { start, length } = shardSpan(geometry.paramCount, geometry.shardParams, index);
    const where = `between parameters ${start} and ${start + length - 1}`;
    const scan = await this.#kernels.scan({ at, bytes: bytes.length, encoding, norm });
    const { finite, maxAbs, sumSquares, fault } = scan;
    if (fault !== null)
      throw new CloudNodeError('update_encoding_invalid', `The shard ${where} is no ${encoding}: ${fault}.`);
    if (!finite) throw new CloudNodeError('update_not_finite', `The update has NaN or infinity ${where}.`);
    if (maxAbs > maxMagnitude)
      throw new CloudNodeError(
        'update_magnitude_exceeded',
        `The update has an element of magnitude ${maxAbs} ${where}; update.maxMagnitude is ${maxMagnitude}.`,
      );
    if (sumSquares !== null) this.#sumSquares[index] = sumSquares;
  }

  /** After the last shard. @throws `update_norm_exceeded` */
  checkNorm(): void {
    const { clipNorm } = this.#session.job.privacy;
    if (clipNorm === null) return;
    const norm = Math.sqrt(this.#sumSquares.reduce((sum, square) => sum + square, 0));
    if (norm > clipNorm * (1 + NORM_TOLERANCE))
      throw new CloudNodeError(
        'update_norm_exceeded',
        `The update has L2 norm ${norm}; privacy.clipNorm is ${clipNorm}.`,
      );
  }
}
