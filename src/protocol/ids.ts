import * as z from 'zod';

export { PROTOCOL_VERSION } from './constants.js';

const name = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
      'use letters, digits, ".", "_" and "-", beginning with a letter or digit',
    );

/** Ids go into Redis keys and URLs, so their alphabet is narrow: no braces, colons or slashes. */
export const repoId = name(64);
export const sessionId = name(64);
export const modelId = name(80);
export const libraryId = name(128);
export const datasetId = name(64);
export const testSetId = name(64);
/** A name that points at a model, such as `production`. */
export const alias = name(64);
export const evaluationId = name(64);
export const updateId = name(64);
export const keyId = name(32);

export const metrics = z
  .record(z.string().min(1).max(64), z.number())
  .refine((m) => Object.keys(m).length <= 32, 'at most 32 metrics');
