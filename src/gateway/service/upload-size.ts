import { CloudNodeError } from '../../protocol/errors.js';

/** @throws `payload_too_large`, from what the sender says, before anything is read */
export function checkUploadSize(bytes: number | null, limitBytes: number): void {
  if (bytes === null || bytes <= limitBytes) return;
  throw new CloudNodeError(
    'payload_too_large',
    `The upload has ${bytes} bytes; MAX_MODEL_BYTES of this pool is ${limitBytes}.`,
  );
}
