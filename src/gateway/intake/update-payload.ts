import { payloadBytes, shardBytes } from '../../core/encoding.js';
import type { Job } from '../../core/job.js';
import type { SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { UpdateHeader } from '../../protocol/library.js';
import type { Payload } from './receive-pieces.js';

/** What comes after the header of an update: a piece is a shard, in the encoding of the job. */
export function updatePayload({ job, geometry }: Pick<SessionRecord, 'job' | 'geometry'>): Payload {
  const { encoding } = job.update;
  const totalBytes = payloadBytes(encoding, geometry);
  return {
    totalBytes,
    pieceBytes: shardBytes(encoding, geometry.shardParams),
    wrongLength: (got) =>
      new CloudNodeError(
        'update_wrong_length',
        `The update must have ${totalBytes} bytes after its header (${geometry.paramCount} parameters as ${encoding}); it has ${got ?? 'more'}.`,
      ),
  };
}

/** @throws `update_encoding_mismatch` */
export function checkEncoding(header: UpdateHeader, job: Job): void {
  if (header.encoding === job.update.encoding) return;
  throw new CloudNodeError(
    'update_encoding_mismatch',
    `The update says that it is ${header.encoding}; the assignment asks for ${job.update.encoding}.`,
  );
}
