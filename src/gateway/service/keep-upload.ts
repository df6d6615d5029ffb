import type { BlobRef } from '../../blobs/blob-store.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { GatewayContext } from '../context.js';

/** What a gateway that dies in the middle of an upload leaves behind ends by itself after this. */
export const UPLOAD_TTL_MS = 3_600_000;

/** How long an upload waits to be read from. */
export const UPLOAD_WAIT_MS = 20_000;

/** The upload is complete: its pieces stay. @throws `upload_interrupted` when it took so long that some are gone */
export async function keepUpload(ctx: GatewayContext, pieces: readonly BlobRef[]): Promise<void> {
  if (await ctx.blobs.keep(pieces)) return;
  throw new CloudNodeError(
    'upload_interrupted',
    `The upload took longer than ${UPLOAD_TTL_MS / 60_000} minutes.`,
  );
}
