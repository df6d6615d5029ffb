import type * as z from 'zod';
import { CloudNodeError } from '../../protocol/errors.js';
import { FRAME_PREFIX_BYTES, headerLength, parseHeader } from '../../protocol/frame.js';
import type { ByteSource } from './byte-source.js';

/** The header of the frame that begins here, and how many bytes come before its payload. */
export async function readHeader<S extends z.ZodType>(
  source: ByteSource,
  schema: S,
  maxBytes: number,
): Promise<{ header: z.infer<S>; payloadAt: number }> {
  const prefix = new Uint8Array(FRAME_PREFIX_BYTES);
  const got = await source.readInto(prefix);
  const length = headerLength(prefix.subarray(0, got), maxBytes);
  const bytes = new Uint8Array(length);
  const read = await source.readInto(bytes);
  if (read < length)
    throw new CloudNodeError(
      'invalid_frame',
      `The body ends after ${FRAME_PREFIX_BYTES + read} bytes, within the header of ${length}.`,
    );
  return { header: parseHeader(schema, bytes), payloadAt: FRAME_PREFIX_BYTES + length };
}
