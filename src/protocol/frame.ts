import type * as z from 'zod';
import { CloudNodeError } from './errors.js';
import { parse, readJsonBytes } from './parse.js';

/**
 * One binary envelope for everything that carries tensors: updates, models, test sets.
 *
 *     offset 0   4 bytes   magic "CNF1"
 *     offset 4   u32 LE    length n of the header, at most MAX_HEADER_BYTES
 *     offset 8   n bytes   header: JSON, UTF-8, padded with spaces so that the payload begins at a multiple of 8
 *     offset 8+n           payload: little-endian values
 */
export const FRAME_MAGIC = 0x31464e43;
export const FRAME_PREFIX_BYTES = 8;
export const FRAME_CONTENT_TYPE = 'application/vnd.cloud-node.frame';

/** Update headers are small; a model's carries its topology. */
export const MAX_UPDATE_HEADER_BYTES = 16 * 1024;
export const MAX_MODEL_HEADER_BYTES = 16 * 1024 * 1024;

/** The envelope up to the payload. */
export function frameHead(header: unknown): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(FRAME_PREFIX_BYTES + length).fill(0x20);
  const view = new DataView(head.buffer);
  view.setUint32(0, FRAME_MAGIC, true);
  view.setUint32(4, length, true);
  head.set(json, FRAME_PREFIX_BYTES);
  return head;
}

export function encodeFrame(header: unknown, payload: Uint8Array): Uint8Array {
  const head = frameHead(header);
  const frame = new Uint8Array(head.length + payload.length);
  frame.set(head);
  frame.set(payload, head.length);
  return frame;
}

/** Length of the header, from the first 8 bytes. */
export function headerLength(prefix: Uint8Array, maxBytes: number): number {
  if (prefix.length < FRAME_PREFIX_BYTES)
    throw new CloudNodeError(
      'invalid_frame',
      `The body ends after ${prefix.length} bytes, within the frame's prefix.`,
    );
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  if (view.getUint32(0, true) !== FRAME_MAGIC)
    throw new CloudNodeError('invalid_frame', 'The body does not begin with "CNF1".');
  const length = view.getUint32(4, true);
  if (length > maxBytes)
    throw new CloudNodeError(
      'payload_too_large',
      `The frame's header has ${length} bytes; the limit is ${maxBytes}.`,
    );
  return length;
}

export function parseHeader<S extends z.ZodType>(schema: S, bytes: Uint8Array): z.infer<S> {
  return parse(schema, readJsonBytes(bytes));
}

/** Takes a whole frame apart; the payload is a view. */
export function decodeFrame<S extends z.ZodType>(
  schema: S,
  frame: Uint8Array,
  maxHeaderBytes = MAX_UPDATE_HEADER_BYTES,
): { header: z.infer<S>; payload: Uint8Array } {
  const end = FRAME_PREFIX_BYTES + headerLength(frame, maxHeaderBytes);
  if (end > frame.length)
    throw new CloudNodeError(
      'invalid_frame',
      `The body ends after ${frame.length} bytes, within the header of ${end}.`,
    );
  return {
    header: parseHeader(schema, frame.subarray(FRAME_PREFIX_BYTES, end)),
    payload: frame.subarray(end),
  };
}
